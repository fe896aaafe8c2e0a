// SPDX-License-Identifier: GPL-2.0

//! Generator of the manual page `muennet_cfg(8)`: the help of the command line, and more sections.

use std::io::Write;

use clap::Arg;
use clap::Command;
use clap::CommandFactory;
use clap_mangen::roff::bold;
use clap_mangen::roff::italic;
use clap_mangen::roff::roman;
use clap_mangen::roff::Inline;
use clap_mangen::roff::Roff;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::show::json;
use crate::show::text;

/// Exit status and description.
const STATUS: &[(&str, &str)] = &[
    ("0", "Success."),
    (
        "1",
        "The kernel rejected the command, or another error occurred. A message on standard error \
         gives the reason.",
    ),
    ("2", "The command line, or a line of a batch, is invalid."),
    (
        "3",
        "The muennet module is not loaded, or was unloaded while monitor was running.",
    ),
];

/// Commands and description.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "muennet_cfg channels\n\
         muennet_cfg add net0 in=channel_in reader_protocol=2 out=channel_out \\\n\
         \x20       writer_protocol=2 flags=net_hdr\n\
         ip addr add 192.0.2.1/24 dev net0\n\
         ip link set net0 up",
        "Look for the channels of the subject, and add an interface over two of them.",
    ),
    (
        "muennet_cfg dump > /etc/muennet.conf\n\
         muennet_cfg sync --dry-run /etc/muennet.conf\n\
         muennet_cfg sync /etc/muennet.conf",
        "Save the configuration, print what differs from it later, and bring it about again.",
    ),
    (
        "muennet_cfg add_child net0 child0\n\
         muennet_cfg add_mark child0 24\n\
         ip addr add 10.0.0.1/24 dev child0\n\
         ip link set child0 up\n\
         iptables -t mangle -A OUTPUT -o child0 -j MARK --set-mark 24\n\
         iptables -t mangle -A POSTROUTING -o child0 -j MARK --set-mark 24",
        "Add a child that owns mark 24. The child does not set the mark of packets that it sends; \
         the iptables rules do: the first one for packets of this machine, the second one for \
         forwarded packets.",
    ),
    (
        "nft add table inet marks\n\
         nft add chain inet marks output '{ type route hook output priority mangle; }'\n\
         nft add rule inet marks output oifname child0 meta mark set 24\n\
         nft add chain inet marks post '{ type filter hook postrouting priority mangle; }'\n\
         nft add rule inet marks post oifname child0 meta mark set 24",
        "Set the same mark with nftables.",
    ),
    (
        "muennet_cfg move_mark child0 child1 24",
        "Move the mark to another child while there is traffic.",
    ),
    (
        "ip link set child0 netns blue\n\
         muennet_cfg add_mark blue/child0 25",
        "Move a child to another namespace, and add a mark to it from the namespace of its parent.",
    ),
    (
        "muennet_cfg --json show | jq '.[].children[].ifname'",
        "Print the names of all children.",
    ),
    (
        "seq -f 'add_mark child0 %.0f' 1 10000 | muennet_cfg batch --force -",
        "Add ten thousand marks. With --force, many commands are sent at a time.",
    ),
];

/// Description of the line about flow control in the output of show.
const PAUSE: &str =
    "show prints the line pause only if flow control is on. With rx, the interface \
                     waits for the peer's reader instead of overrunning it. With tx, it reports to \
                     the peer how far it has read. ethtool -A changes both.";

/// Example of the output of monitor.
const MONITOR: &str = "\
net0: added
child0: added to net0
child0: mark 24 added
blue/child1: mark 24 moved from child0
blue/child1: mark 24 deleted
child0: deleted from net0, with 0 marks
some changes were lost
the module was unloaded
";

/// Description of the JSON output.
const JSON: &[&str] = &[
    "With --json, show prints a list of main interfaces, each with its children. A child whose \
     parent is in another namespace is in the list itself; parent identifies its parent. Later \
     versions may add members, but do not change or remove any.",
    "netnsid is the ID of the network namespace of the interface in the current namespace: null \
     for the current namespace itself, -1 if the namespace has no ID. netns is the name of that \
     namespace in ip netns, null if there is none. kind is main or child. mode is raw, ip, \
     ethernet or ip-offload. in, out and peer are null if the interface has no such channel, and \
     for children. peer is unknown, inactive, active, incompatible or broken. pause is null for \
     children; its members rx and tx are true if the text output lists them. element_size and \
     elements are null while there is no epoch. protocol is a string, because many JSON parsers \
     lose digits of large numbers.",
    "With --json, channels prints a list of objects with name, region_size in bytes, access (read \
     or write), event and vector (null if there is none), and interfaces: a list of those that use \
     the channel, each with ifname, ifindex, netnsid, netns and, for an in channel, peer. dump \
     prints a list of commands, each a list of words; sync --dry-run prints a list of commands.",
    "With --json, monitor prints one object per line with event, child and parent, or with event \
     and interface for a main interface. event is interface_added, interface_deleted, \
     interface_changed, child_added, child_deleted (with mark_count, the number of marks deleted \
     with the child), mark_added, mark_deleted (both with mark), or mark_moved (with mark, and \
     from, the previous owner). events_lost and module_unloaded have only the member event. \
     events_lost means that changes came faster than they were read, or that the kernel had no \
     memory to report one. module_unloaded is always the last event; monitor then ends with exit \
     status 3. child, parent, interface and from are objects with ifname, ifindex, netnsid and \
     netns.",
];

/// Returns the manual page in roff format.
pub fn page() -> Vec<u8> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    // Writing to memory does not fail.
    let _ = write(&command, &mut page);
    page
}

fn write(command: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    // Write the header here: for an empty date, the crate omits the argument, which shifts the next
    // ones.
    writeln!(
        page,
        ".TH muennet_cfg 8 \"\" \"muennet {version}\" \"System Administration\""
    )?;
    let man = Man::new(command.clone());
    man.render_name_section(page)?;
    synopsis(command).to_writer(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    commands(command).to_writer(page)?;
    other_sections().to_writer(page)
}

/// Returns the synopsis. That of the crate lacks the values of options.
fn synopsis(command: &Command) -> Roff {
    let mut usage = vec![bold(command.get_name())];
    for option in command.get_arguments().filter(|a| !a.is_positional()) {
        usage.push(roman(" "));
        usage.extend(usage_of(option));
    }
    let name = command.get_subcommand_value_name().unwrap_or_default();
    usage.extend([roman(" "), italic(name)]);
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]).text(usage);
    roff
}

/// Returns the section of commands, with their arguments.
fn commands(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    let shown = |command: &&Command| !command.is_hide_set() && command.get_name() != "help";
    for command in command.get_subcommands().filter(shown) {
        let own = || {
            let arguments = command.get_arguments();
            arguments.filter(|a| !a.is_global_set() && a.get_id() != "help")
        };
        let mut usage = vec![bold(command.get_name())];
        for argument in own() {
            usage.push(roman(" "));
            usage.extend(usage_of(argument));
        }
        roff.control("TP", []).text(usage);
        let about = command.get_long_about().or(command.get_about());
        paragraphs(
            &mut roff,
            &about.map(ToString::to_string).unwrap_or_default(),
        );
        if own().next().is_none() {
            continue;
        }
        roff.control("RS", []);
        for argument in own() {
            roff.control("TP", []).text(names_of(argument));
            let help = argument.get_long_help().or(argument.get_help());
            paragraphs(
                &mut roff,
                &help.map(ToString::to_string).unwrap_or_default(),
            );
        }
        roff.control("RE", []);
    }
    roff
}

fn other_sections() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (status, text) in STATUS {
        roff.control("TP", []).text([bold(*status)]);
        roff.text([roman(*text)]);
    }
    roff.control("SH", ["PRIVILEGES"]);
    roff.text([roman(
        "Reading requires no privileges, except for channels, which shows all names of the system \
         policy. The commands channels, add, set and del require CAP_NET_ADMIN in the initial user \
         namespace, and so does sync if it has to change interfaces. Every other change requires \
         CAP_NET_ADMIN in the current network namespace, which is that of the child or of its \
         parent. Adding a child and changing marks steer packets of the parent, and also require \
         it in the network namespace of the parent. The sender of an incoming packet chooses its \
         mark: rules that trust the mark trust the peer.",
    )]);
    roff.control("SH", ["FILES"]);
    roff.control("TP", []).text([italic("/etc/muennet.conf")]);
    roff.text([
        roman("The configuration that the unit "),
        bold("muennet.service"),
        roman(
            " of the package muennet-tools brings about at boot by sync. The unit is disabled \
             until the administrator enables it.",
        ),
    ]);
    roff.control("SH", ["EXAMPLES"]);
    for (number, (commands, text)) in EXAMPLES.iter().enumerate() {
        if number > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*text)]);
        example(&mut roff, commands);
    }
    roff.control("SH", ["OUTPUT"]);
    roff.text([roman("show prints a tree of interfaces:")]);
    example(&mut roff, text::EXAMPLE);
    roff.control("PP", []);
    roff.text([roman(PAUSE)]);
    roff.control("PP", []);
    roff.text([roman("monitor prints a line for each change:")]);
    example(&mut roff, MONITOR);
    roff.control("SH", ["JSON"]);
    for (number, text) in JSON.iter().enumerate() {
        if number > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*text)]);
    }
    example(&mut roff, json::EXAMPLE);
    roff.control("SH", ["SEE ALSO"]);
    roff.text([
        bold("muennet"),
        roman("(4), "),
        bold("ip-link"),
        roman("(8), "),
        bold("ip-netns"),
        roman("(8), "),
        bold("iptables"),
        roman("(8), "),
        bold("nft"),
        roman("(8), "),
        bold("modprobe"),
        roman("(8)"),
    ]);
    roff
}

/// Formats an argument for a usage line.
fn usage_of(argument: &Arg) -> Vec<Inline> {
    if argument.is_positional() {
        let name = italic(value_name(argument));
        if argument.is_required_set() {
            vec![name]
        } else {
            vec![roman("["), name, roman("]")]
        }
    } else {
        let mut usage = vec![roman("[")];
        if let Some(short) = argument.get_short() {
            usage.extend([bold(format!("-{short}")), roman("|")]);
        }
        usage.push(bold(long(argument)));
        if argument.get_action().takes_values() {
            usage.extend([roman(" "), italic(value_name(argument))]);
        }
        usage.push(roman("]"));
        usage
    }
}

/// Formats the names of an argument, for the line above its description.
fn names_of(argument: &Arg) -> Vec<Inline> {
    if argument.is_positional() {
        return vec![italic(value_name(argument))];
    }
    let mut names = Vec::new();
    if let Some(short) = argument.get_short() {
        names.extend([bold(format!("-{short}")), roman(", ")]);
    }
    names.push(bold(long(argument)));
    for alias in argument.get_visible_aliases().unwrap_or_default() {
        names.extend([roman(", "), bold(format!("--{alias}"))]);
    }
    names
}

fn long(argument: &Arg) -> String {
    format!("--{}", argument.get_long().unwrap_or_default())
}

fn value_name(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.first().map(ToString::to_string).unwrap_or_default()
}

fn paragraphs(roff: &mut Roff, text: &str) {
    for (number, paragraph) in text.split("\n\n").enumerate() {
        if number > 0 {
            roff.control("IP", []);
        }
        roff.text([roman(paragraph)]);
    }
}

/// Appends preformatted lines.
fn example(roff: &mut Roff, lines: &str) {
    roff.control("PP", []).control("RS", []).control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []).control("RE", []);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_all_sections_and_commands() {
        let page = String::from_utf8(page()).unwrap();
        for section in [
            ".TH muennet_cfg 8",
            ".SH NAME",
            ".SH SYNOPSIS",
            ".SH DESCRIPTION",
            ".SH OPTIONS",
            ".SH COMMANDS",
            ".SH \"EXIT STATUS\"",
            ".SH PRIVILEGES",
            ".SH EXAMPLES",
            ".SH OUTPUT",
            ".SH JSON",
            ".SH \"SEE ALSO\"",
        ] {
            assert!(
                page.lines().any(|line| line.starts_with(section)),
                "{section}"
            );
        }
        let mut command = Cli::command();
        command.build();
        for command in command.get_subcommands() {
            let title = format!("\n.TP\n\\fB{}\\fR", command.get_name().replace('-', "\\-"));
            let expected = !command.is_hide_set() && command.get_name() != "help";
            assert_eq!(page.contains(&title), expected, "{title}");
        }
        assert!(page.contains("\n  {\n    \"ifname\": \"net0\",\n"));
        let synopsis = page.lines().skip_while(|line| *line != ".SH SYNOPSIS");
        let synopsis = synopsis.skip(1).take_while(|line| !line.starts_with('.'));
        let plain = ["\\fB", "\\fI", "\\fR", "\\"]
            .iter()
            .fold(synopsis.collect::<String>(), |text, escape| {
                text.replace(escape, "")
            });
        assert_eq!(
            plain,
            "muennet_cfg [-j|--json] [-n|--netns NETNS] [-h|--help] [-V|--version] COMMAND"
        );
    }
}
