// SPDX-License-Identifier: GPL-2.0

//! `muennet_cfg` manages muennet interfaces, their children and marks. It uses the generic
//! netlink family that `child/muennet.yaml` specifies.

mod args;
mod batch;
mod change;
mod cli;
mod config;
mod error;
mod escape;
mod family;
mod man;
mod model;
mod monitor;
mod netlink;
mod netns;
mod show;
mod sync;
mod top;
mod uapi;

use std::fs::File;
use std::io;
use std::io::IsTerminal;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap::Parser;

use crate::batch::Batch;
use crate::cli::Cli;
use crate::cli::Command;
use crate::error::Error;
use crate::family::Family;
use crate::netlink::Protocol;
use crate::netlink::Socket;

fn main() -> ExitCode {
    // Exits with status 2 if the command line is invalid.
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has closed the pipe. This is not an error.
        Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            // If standard error is closed, the exit status still reports the error.
            let _ = writeln!(io::stderr(), "muennet_cfg: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}

fn run(cli: Cli) -> Result<(), Error> {
    let json = cli.json;
    let mut out = io::stdout().lock();
    // Completions and the manual page do not depend on the namespace, which need not exist.
    if let (Some(netns), false) = (&cli.netns, cli.command.is_offline()) {
        netns::enter(netns)?;
    }
    match cli.command {
        Command::Change(change) => open_family()?.apply(&change),
        Command::Show { interface } => {
            show::print(&mut open_loaded()?, interface.as_ref(), json, &mut out)
        }
        Command::Channels => show::channels::print(&mut open_family()?, json, &mut out),
        Command::Dump => sync::dump(&mut open_loaded()?, json, &mut out),
        Command::Sync { file, dry_run } => {
            let (name, input) = open_file(&file)?;
            sync::sync(&mut open_family()?, (&name, input), dry_run, json, &mut out)
        }
        Command::Top { interval, count } => {
            let mut screen = top::Screen::new(&mut out, io::stdout().is_terminal(), json);
            top::run(&mut open_loaded()?, interval, count, &mut screen)
        }
        Command::Monitor => monitor::run(&mut open_loaded()?, json, &mut out),
        Command::Batch { file, force } => {
            let (name, input) = open_file(&file)?;
            Batch {
                family: &mut open_family()?,
                name: &name,
                force,
                json,
                out: &mut out,
                errors: &mut io::stderr(),
            }
            .run(input)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "muennet_cfg", &mut script);
            print(&mut out, &script)
        }
        Command::Man => print(&mut out, &man::page()),
    }
}

/// Opens the family. The kernel loads the module if it is not loaded.
fn open_family() -> Result<Family<Socket>, Error> {
    Family::open(open_socket()?, Box::new(netns::IpNetns))
}

/// Opens the family, for commands that change nothing: only if the module is loaded.
fn open_loaded() -> Result<Family<Socket>, Error> {
    Family::open_loaded(open_socket()?, Box::new(netns::IpNetns))
}

fn open_socket() -> Result<Socket, Error> {
    Socket::open(Protocol::Generic).map_err(|error| Error::io("netlink socket", error))
}

/// Opens a file with commands. Returns its name for messages, and its contents.
fn open_file(file: &Path) -> Result<(String, Box<dyn Read>), Error> {
    if file.as_os_str() == "-" {
        return Ok(("<stdin>".to_owned(), Box::new(io::stdin())));
    }
    let name = file.display().to_string();
    match File::open(file) {
        Ok(input) => Ok((name, Box::new(input))),
        Err(error) => Err(Error::io(name, error)),
    }
}

fn print(out: &mut impl Write, bytes: &[u8]) -> Result<(), Error> {
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| Error::io("standard output", error))
}
