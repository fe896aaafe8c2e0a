// SPDX-License-Identifier: GPL-2.0

//! `batch`: commands from a file, one a line.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::mem;

use crate::args::Place;
use crate::change::Change;
use crate::change::WordsError;
use crate::error::Error;
use crate::family::Kernel;
use crate::netlink::Transport;
use crate::show;

/// How many changes are sent at once where errors do not stop.
const AT_ONCE: usize = 64;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Nothing,
    Change(Change),
    Show(Option<Place>),
}

/// A batch that is being worked on.
pub struct Batch<'a, T> {
    /// The kernel.
    pub kernel: &'a mut Kernel<T>,
    /// Name of the file, for messages.
    pub name: &'a str,
    /// An error does not stop it.
    pub force: bool,
    /// `show` prints JSON.
    pub json: bool,
    /// Where `show` prints to.
    pub out: &'a mut dyn Write,
    /// Where errors go to that do not stop it.
    pub errors: &'a mut dyn Write,
}

impl<T: Transport> Batch<'_, T> {
    /// Carries all of it out.
    ///
    /// # Errors
    ///
    /// The first error; the number of them where they do not stop it.
    pub fn run(&mut self, input: impl Read) -> Result<(), Error> {
        let mut input = BufReader::new(input);
        let mut waiting: Vec<(usize, Change)> = Vec::new();
        let mut failed = 0;
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            let length = input
                .read_until(b'\n', &mut bytes)
                .map_err(|error| Error::system(format!("can not read {}", self.name), error))?;
            if length == 0 {
                break;
            }
            let result = match parse(&bytes) {
                Ok(Line::Nothing) => Ok(()),
                Ok(Line::Change(change)) if self.force => {
                    waiting.push((number, change));
                    Ok(())
                }
                // Nothing after an error may be carried out, so each waits for the one before it.
                Ok(Line::Change(change)) => self.kernel.change(&change),
                Ok(Line::Show(place)) => {
                    failed += self.flush(&mut waiting)?;
                    show::print(self.kernel, place.as_ref(), self.json, self.out)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                let error = self.at(number, error);
                if !self.force {
                    return Err(error);
                }
                failed += self.flush(&mut waiting)?;
                failed += self.report(&error);
            }
            // What would wait for input is carried out before.
            if waiting.len() >= AT_ONCE || input.buffer().is_empty() {
                failed += self.flush(&mut waiting)?;
            }
        }
        failed += self.flush(&mut waiting)?;
        match failed {
            0 => Ok(()),
            failed => Err(Error::Lines(failed)),
        }
    }

    /// Carries out what waits; the number of errors.
    fn flush(&mut self, waiting: &mut Vec<(usize, Change)>) -> Result<usize, Error> {
        let waiting = mem::take(waiting);
        let changes: Vec<_> = waiting.iter().map(|(_, change)| change).collect();
        let results = self.kernel.change_all(&changes)?;
        let mut failed = 0;
        for ((number, _), result) in waiting.iter().zip(results) {
            if let Err(error) = result {
                let error = self.at(*number, error);
                failed += self.report(&error);
            }
        }
        Ok(failed)
    }

    fn at(&self, number: usize, error: Error) -> Error {
        Error::Line {
            place: format!("{}:{number}", self.name),
            error: Box::new(error),
        }
    }

    /// Tells about an error that does not stop the batch: one.
    fn report(&mut self, error: &Error) -> usize {
        // Who can not be told does not stop it either.
        let _ = writeln!(self.errors, "muennet_cfg: {error}");
        1
    }
}

/// Takes a line: words between blanks, up to one that begins with `#`.
fn parse(bytes: &[u8]) -> Result<Line, Error> {
    let words: Vec<_> = bytes
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .take_while(|word| !word.starts_with(b"#"))
        .collect();
    let usage = |error: WordsError| Error::Usage(error.to_string());
    match words.as_slice() {
        [] => Ok(Line::Nothing),
        [b"show"] => Ok(Line::Show(None)),
        [b"show", word] => match Place::try_from(*word) {
            Ok(place) => Ok(Line::Show(Some(place))),
            Err(error) => Err(usage(WordsError::of_word(word, error))),
        },
        [b"show", ..] => Err(usage(WordsError::Count("show [INTERFACE]"))),
        words => Change::parse(words).map(Line::Change).map_err(usage),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::collections::VecDeque;
    use std::io;

    use super::*;
    use crate::family::tests::connect;
    use crate::netlink::mock::Fake;
    use crate::netlink::mock::Told;
    use crate::netlink::Request;
    use crate::netns::Namespaces;
    use crate::netns::Number;
    use crate::uapi::attribute;

    #[test]
    fn lines() {
        let change = |words: &[&str]| Line::Change(Change::parse(words).unwrap());
        let table: &[(&[u8], Result<Line, &str>)] = &[
            (b"", Ok(Line::Nothing)),
            (b"\n", Ok(Line::Nothing)),
            (b"  \t\r\n", Ok(Line::Nothing)),
            (b"# add_mark child0 24\n", Ok(Line::Nothing)),
            (
                b"add_mark child0 24\n",
                Ok(change(&["add_mark", "child0", "24"])),
            ),
            (
                b"\tadd_mark  child0 0x18 # why\r\n",
                Ok(change(&["add_mark", "child0", "24"])),
            ),
            (b"del_child a#b", Ok(change(&["del_child", "a#b"]))),
            (b"show\n", Ok(Line::Show(None))),
            (
                b"show net0",
                Ok(Line::Show(Some(b"net0"[..].try_into().unwrap()))),
            ),
            (b"show a b", Err("usage: show [INTERFACE]")),
            (b"show /a", Err("\"/a\": no namespace can have this name")),
            (b"monitor", Err("there is no command \"monitor\" here")),
            (b"add_mark a #1", Err("usage: add_mark CHILD MARK")),
            (
                b"add_mark a\xff 1",
                Ok(Line::Change(
                    Change::parse(&[&b"add_mark"[..], b"a\xff", b"1"]).unwrap(),
                )),
            ),
            (b"\xff", Err("there is no command \"\\xFF\" here")),
            (
                b"add_mark a \xff",
                Err("\"\\xFF\": a mark is a decimal number, or a hexadecimal one with 0x"),
            ),
        ];
        for (bytes, expected) in table {
            let found = parse(bytes).map_err(|error| error.to_string());
            let text = String::from_utf8_lossy(bytes);
            match (&found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(found), Err(expected)) => assert_eq!(found, expected, "{text}"),
                _ => panic!("{text}: {found:?}"),
            }
        }
    }

    /// What comes of a batch.
    struct Ran {
        result: Result<(), Error>,
        errors: String,
        datagrams: Vec<usize>,
        carried_out: Vec<String>,
    }

    /// Runs a batch with a kernel that refuses to do anything with the child `bad`.
    fn run(text: &str, force: bool) -> Ran {
        let mut carried_out = Vec::new();
        let fake = Fake::new(|asked| match asked.text(attribute::IFNAME) {
            Some(name) if name == "bad" => Told::Refused(19, Some("there is no bad"), None),
            name => {
                carried_out.push(format!("{} {name:?}", asked.command));
                Told::Done
            }
        });
        let datagrams = fake.datagrams.clone();
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let result = Batch {
            kernel: &mut connect(fake),
            name: "marks",
            force,
            json: true,
            out: &mut out,
            errors: &mut errors,
        }
        .run(text.as_bytes());
        let datagrams = datagrams.take();
        Ran {
            result,
            errors: String::from_utf8(errors).unwrap(),
            datagrams,
            carried_out,
        }
    }

    #[test]
    fn the_first_error_ends_it() {
        let table = [
            ("", Ok(()), 0),
            ("add_mark a 1\n# no\nadd_mark a 2", Ok(()), 2),
            (
                "add_mark a 1\n\nadd_mark bad 2\nadd_mark a 3\n",
                Err(("marks:3: add_mark bad 2: there is no bad (ENODEV)", 1)),
                1,
            ),
            (
                "add_mark a 1\nadd_mark a\nadd_mark a 3\n",
                Err(("marks:2: usage: add_mark CHILD MARK", 2)),
                1,
            ),
        ];
        for (text, expected, count) in table {
            let ran = run(text, false);
            let found = ran.result.map_err(|e| (e.to_string(), e.status()));
            let expected = expected.map_err(|(text, status)| (text.to_owned(), status));
            assert_eq!(found, expected, "{text:?}");
            assert_eq!(ran.carried_out.len(), count, "{text:?}");
            assert!(ran.datagrams.iter().all(|count| *count == 1));
            assert_eq!(ran.errors, "");
        }
    }

    #[test]
    fn errors_do_not_end_it() {
        let ran = run(
            "add_mark a 1\nadd_mark bad 2\nwhat\nshow\nadd_mark a 3\nadd_mark bad 4\n",
            true,
        );
        assert_eq!(ran.result.unwrap_err().to_string(), "3 commands failed");
        assert_eq!(
            ran.errors,
            "muennet_cfg: marks:2: add_mark bad 2: there is no bad (ENODEV)\n\
             muennet_cfg: marks:3: there is no command \"what\" here\n\
             muennet_cfg: marks:6: add_mark bad 4: there is no bad (ENODEV)\n"
        );
        // Two marks before the error in line 3, the two dumps of show, the two marks after it.
        assert_eq!(ran.datagrams, [2, 1, 1, 2]);
        assert_eq!(
            ran.carried_out,
            ["5 Some(\"a\")", "1 None", "2 None", "5 Some(\"a\")"]
        );
    }

    /// A namespace is another one, with another number, each time one looks.
    struct Renumbered(i32);

    impl Namespaces for Renumbered {
        fn number(&mut self, _: &str) -> Result<Number, Error> {
            self.0 += 1;
            Ok(Number::given(self.0))
        }

        fn names(&mut self) -> HashMap<i32, String> {
            HashMap::new()
        }
    }

    /// A pipe, from which one reads what was written at a time.
    struct Pipe(VecDeque<&'static [u8]>);

    impl Read for Pipe {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0
                .pop_front()
                .map_or(Ok(0), |mut part| part.read(buffer))
        }
    }

    #[test]
    fn namespaces_are_looked_up_anew() {
        // What is written to the pipe, and the numbers that are asked for, with --force or not.
        type Parts = &'static [&'static [u8]];
        let table: &[(Parts, &[u32], &[u32])] = &[
            (
                &[b"add_mark blue/a 1\n", b"del_child blue/a\n"],
                &[1, 2],
                &[1, 2],
            ),
            // What is sent together is looked up together.
            (
                &[
                    b"add_mark blue/a 1\nadd_mark blue/a 2\n",
                    b"del_child blue/a",
                ],
                &[1, 1, 2],
                &[1, 2, 3],
            ),
            (&[b"move_mark blue/a blue/b 1"], &[1], &[1]),
            (
                &[b"show blue/a\n", b"show blue/a\n"],
                &[1, 2, 3, 4],
                &[1, 2, 3, 4],
            ),
        ];
        for (parts, forced, careful) in table {
            for (force, expected) in [(true, forced), (false, careful)] {
                let mut numbers = Vec::new();
                let fake = Fake::new(|asked| {
                    numbers.extend(asked.u32(attribute::NETNSID));
                    let child = Request::generic(0, 0, 1)
                        .u32(attribute::IFINDEX, 4)
                        .text(attribute::IFNAME, "a")
                        .u32(attribute::PARENT_IFINDEX, 3)
                        .text(attribute::PARENT_IFNAME, "net0")
                        .u32(attribute::MARK, 1);
                    Told::All(vec![child])
                });
                let namespaces = Box::new(Renumbered(0));
                Batch {
                    kernel: &mut Kernel::connect(fake, namespaces).unwrap(),
                    name: "marks",
                    force,
                    json: true,
                    out: &mut Vec::new(),
                    errors: &mut Vec::new(),
                }
                .run(Pipe(parts.iter().copied().collect()))
                .unwrap();
                assert_eq!(numbers, **expected, "{parts:?} {force}");
            }
        }
    }

    #[test]
    fn many_at_once() {
        for count in [1, 63, 64, 65, 1000] {
            let lines: Vec<String> = (1..=count).map(|n| format!("add_mark a {n}\n")).collect();
            let text = lines.concat();
            let ran = run(&text, true);
            assert!(ran.result.is_ok());
            assert_eq!(ran.carried_out.len(), count);
            assert_eq!(ran.datagrams.len(), count.div_ceil(AT_ONCE), "{count}");
        }
    }
}
