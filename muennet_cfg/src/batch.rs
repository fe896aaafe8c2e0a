// SPDX-License-Identifier: GPL-2.0

//! Command `batch`: runs commands from a file, one per line.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::mem;

use crate::args::IfSpec;
use crate::change::argument;
use crate::change::Change;
use crate::change::ParseError;
use crate::error::Error;
use crate::family::Family;
use crate::netlink::Transport;
use crate::show;

/// Maximum number of commands that are sent at once if the batch continues after errors.
const BATCH_SIZE: usize = 64;

/// A parsed line.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Empty,
    Change(Change),
    Show(Option<IfSpec>),
}

/// A running batch.
pub struct Batch<'a, T> {
    /// The netlink family.
    pub family: &'a mut Family<T>,
    /// File name for messages.
    pub name: &'a str,
    /// Continue after errors.
    pub force: bool,
    /// Print JSON for `show`.
    pub json: bool,
    /// Output of `show`.
    pub out: &'a mut dyn Write,
    /// Output for errors after which the batch continues.
    pub errors: &'a mut dyn Write,
}

impl<T: Transport> Batch<'_, T> {
    /// Runs all commands.
    ///
    /// # Errors
    ///
    /// The first error, or [`Error::BatchFailed`] if the batch continues after errors.
    pub fn run(&mut self, input: impl Read) -> Result<(), Error> {
        let mut input = BufReader::new(input);
        let mut pending: Vec<(usize, Change)> = Vec::new();
        let mut failed = 0;
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            let length = input
                .read_until(b'\n', &mut bytes)
                .map_err(|error| Error::io(self.name, error))?;
            if length == 0 {
                break;
            }
            let result = match parse(&bytes) {
                Ok(Line::Empty) => Ok(()),
                Ok(Line::Change(change)) if self.force => {
                    pending.push((number, change));
                    Ok(())
                }
                // The batch stops at the first error, so wait for the result of each command.
                Ok(Line::Change(change)) => self.family.apply(&change),
                Ok(Line::Show(spec)) => {
                    failed += self.flush(&mut pending)?;
                    show::print(self.family, spec.as_ref(), self.json, self.out)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                let error = self.line_error(number, error);
                if !self.force {
                    return Err(error);
                }
                failed += self.flush(&mut pending)?;
                failed += self.report(&error);
            }
            // Do not delay pending commands while the next read may block.
            if pending.len() >= BATCH_SIZE || input.buffer().is_empty() {
                failed += self.flush(&mut pending)?;
            }
        }
        failed += self.flush(&mut pending)?;
        match failed {
            0 => Ok(()),
            failed => Err(Error::BatchFailed(failed)),
        }
    }

    /// Sends the pending commands. Returns the number of errors.
    fn flush(&mut self, pending: &mut Vec<(usize, Change)>) -> Result<usize, Error> {
        let pending = mem::take(pending);
        let changes: Vec<_> = pending.iter().map(|(_, change)| change).collect();
        let results = self.family.apply_all(&changes)?;
        let mut failed = 0;
        for ((number, _), result) in pending.iter().zip(results) {
            if let Err(error) = result {
                let error = self.line_error(*number, error);
                failed += self.report(&error);
            }
        }
        Ok(failed)
    }

    fn line_error(&self, number: usize, error: Error) -> Error {
        Error::Line {
            location: format!("{}:{number}", self.name),
            error: Box::new(error),
        }
    }

    /// Prints an error after which the batch continues. Returns 1, the number of errors.
    fn report(&mut self, error: &Error) -> usize {
        // Continue also if standard error is closed.
        let _ = writeln!(self.errors, "muennet_cfg: {error}");
        1
    }
}

/// Parses a line. Whitespace separates words; a word that begins with `#` starts a comment.
fn parse(bytes: &[u8]) -> Result<Line, Error> {
    let words: Vec<_> = bytes
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .take_while(|word| !word.starts_with(b"#"))
        .collect();
    let usage = |error: ParseError| Error::Usage(error.to_string());
    match words.as_slice() {
        [] => Ok(Line::Empty),
        [b"show"] => Ok(Line::Show(None)),
        [b"show", word] => argument(word, IfSpec::parse)
            .map(|spec| Line::Show(Some(spec)))
            .map_err(usage),
        [b"show", ..] => Err(usage(ParseError::Usage("show [INTERFACE]"))),
        words => Change::parse(words).map(Line::Change).map_err(usage),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::collections::VecDeque;
    use std::io;

    use super::*;
    use crate::family::tests::open;
    use crate::netlink::mock::MockKernel;
    use crate::netlink::mock::MockReply;
    use crate::netlink::Request;
    use crate::netns::NetnsLookup;
    use crate::netns::Netnsid;
    use crate::uapi::attribute;

    #[test]
    fn lines() {
        let change = |words: &[&str]| Line::Change(Change::parse(words).unwrap());
        let table: &[(&[u8], Result<Line, &str>)] = &[
            (b"", Ok(Line::Empty)),
            (b"\n", Ok(Line::Empty)),
            (b"  \t\r\n", Ok(Line::Empty)),
            (b"# add_mark child0 24\n", Ok(Line::Empty)),
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
                Ok(Line::Show(Some(IfSpec::parse(b"net0").unwrap()))),
            ),
            (b"show a b", Err("usage: show [INTERFACE]")),
            (b"show /a", Err("\"/a\": invalid network namespace name")),
            (b"monitor", Err("\"monitor\": not a batch command")),
            (b"add_mark a #1", Err("usage: add_mark CHILD MARK")),
            (
                b"add_mark a\xff 1",
                Ok(Line::Change(
                    Change::parse(&[&b"add_mark"[..], b"a\xff", b"1"]).unwrap(),
                )),
            ),
            (b"\xff", Err("\"\\xFF\": not a batch command")),
            (
                b"add_mark a \xff",
                Err(
                    "\"\\xFF\": not a mark: expected a decimal number, or a hexadecimal number \
                     with 0x",
                ),
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

    /// Outcome of a batch.
    struct Outcome {
        result: Result<(), Error>,
        errors: String,
        datagrams: Vec<usize>,
        executed: Vec<String>,
    }

    /// Runs a batch on a kernel that rejects all requests for the child `bad`.
    fn run(text: &str, force: bool) -> Outcome {
        let mut executed = Vec::new();
        let kernel = MockKernel::new(|request| match request.string(attribute::IFNAME) {
            Some(name) if name == "bad" => MockReply::Error(19, Some("no such interface"), None),
            name => {
                executed.push(format!("{} {name:?}", request.command));
                MockReply::Ack
            }
        });
        let datagrams = kernel.datagrams.clone();
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let result = Batch {
            family: &mut open(kernel),
            name: "marks",
            force,
            json: true,
            out: &mut out,
            errors: &mut errors,
        }
        .run(text.as_bytes());
        let datagrams = datagrams.take();
        Outcome {
            result,
            errors: String::from_utf8(errors).unwrap(),
            datagrams,
            executed,
        }
    }

    #[test]
    fn stops_at_the_first_error() {
        let table = [
            ("", Ok(()), 0),
            ("add_mark a 1\n# no\nadd_mark a 2", Ok(()), 2),
            (
                "add_mark a 1\n\nadd_mark bad 2\nadd_mark a 3\n",
                Err(("marks:3: add_mark bad 2: no such interface (ENODEV)", 1)),
                1,
            ),
            (
                "add_mark a 1\nadd_mark a\nadd_mark a 3\n",
                Err(("marks:2: usage: add_mark CHILD MARK", 2)),
                1,
            ),
        ];
        for (text, expected, count) in table {
            let outcome = run(text, false);
            let found = outcome.result.map_err(|e| (e.to_string(), e.exit_status()));
            let expected = expected.map_err(|(text, status)| (text.to_owned(), status));
            assert_eq!(found, expected, "{text:?}");
            assert_eq!(outcome.executed.len(), count, "{text:?}");
            assert!(outcome.datagrams.iter().all(|count| *count == 1));
            assert_eq!(outcome.errors, "");
        }
    }

    #[test]
    fn continues_after_errors_with_force() {
        let outcome = run(
            "add_mark a 1\nadd_mark bad 2\nwhat\nshow\nadd_mark a 3\nadd_mark bad 4\n",
            true,
        );
        assert_eq!(outcome.result.unwrap_err().to_string(), "3 commands failed");
        assert_eq!(
            outcome.errors,
            "muennet_cfg: marks:2: add_mark bad 2: no such interface (ENODEV)\n\
             muennet_cfg: marks:3: \"what\": not a batch command\n\
             muennet_cfg: marks:6: add_mark bad 4: no such interface (ENODEV)\n"
        );
        // Two marks before the error in line 3, the two dumps of `show`, the two marks after it.
        assert_eq!(outcome.datagrams, [2, 1, 1, 2]);
        assert_eq!(
            outcome.executed,
            ["5 Some(\"a\")", "1 None", "2 None", "5 Some(\"a\")"]
        );
    }

    /// Each lookup returns another namespace ID.
    struct MockNetns(i32);

    impl NetnsLookup for MockNetns {
        fn netnsid(&mut self, _: &str) -> Result<Netnsid, Error> {
            self.0 += 1;
            Ok(Netnsid::fixed(self.0))
        }

        fn names(&mut self) -> HashMap<i32, String> {
            HashMap::new()
        }
    }

    /// A pipe. Each read returns the data of one write.
    struct Pipe(VecDeque<&'static [u8]>);

    impl Read for Pipe {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0
                .pop_front()
                .map_or(Ok(0), |mut part| part.read(buffer))
        }
    }

    #[test]
    fn looks_up_namespaces_again() {
        // Writes to the pipe, and the namespace IDs in requests, with and without --force.
        type Parts = &'static [&'static [u8]];
        let table: &[(Parts, &[u32], &[u32])] = &[
            (
                &[b"add_mark blue/a 1\n", b"del_child blue/a\n"],
                &[1, 2],
                &[1, 2],
            ),
            // One lookup for all commands that are sent at once.
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
        for (parts, with_force, without_force) in table {
            for (force, expected) in [(true, with_force), (false, without_force)] {
                let mut nsids = Vec::new();
                let kernel = MockKernel::new(|request| {
                    nsids.extend(request.u32(attribute::NETNSID));
                    let child = Request::genl(0, 0, 1)
                        .u32(attribute::IFINDEX, 4)
                        .string(attribute::IFNAME, "a")
                        .u32(attribute::PARENT_IFINDEX, 3)
                        .string(attribute::PARENT_IFNAME, "net0")
                        .u32(attribute::MARK, 1);
                    MockReply::Messages(vec![child])
                });
                let netns = Box::new(MockNetns(0));
                Batch {
                    family: &mut Family::open(kernel, netns).unwrap(),
                    name: "marks",
                    force,
                    json: true,
                    out: &mut Vec::new(),
                    errors: &mut Vec::new(),
                }
                .run(Pipe(parts.iter().copied().collect()))
                .unwrap();
                assert_eq!(nsids, **expected, "{parts:?} {force}");
            }
        }
    }

    #[test]
    fn sends_many_at_once() {
        for count in [1, 63, 64, 65, 1000] {
            let lines: Vec<String> = (1..=count).map(|n| format!("add_mark a {n}\n")).collect();
            let text = lines.concat();
            let outcome = run(&text, true);
            assert!(outcome.result.is_ok());
            assert_eq!(outcome.executed.len(), count);
            assert_eq!(
                outcome.datagrams.len(),
                count.div_ceil(BATCH_SIZE),
                "{count}"
            );
        }
    }
}
