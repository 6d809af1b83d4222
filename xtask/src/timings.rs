//! `cargo xtask timings`: how long `mdns` takes, from captures and from the lines it prints.

use std::{
    fmt::Write as _,
    fs,
    net::IpAddr,
    thread::sleep,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use mdns_proto::wire::{Message, Rdata, RecordType};

use crate::{
    lab::{
        self, Content, Context, Datagram, Kind, Lab,
        net::{Families, Host},
        peer::Peer,
        stack::{SOON, Service, Stack, mdns},
    },
    shell::{machine, root, target},
};

#[derive(Args)]
pub(crate) struct Options {
    /// How often everything is measured.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Measures this `mdns` instead of building one.
    #[arg(long, value_name = "PROGRAM")]
    mdns: Option<std::path::PathBuf>,
}

/// What is measured in every run, and what is wanted of it.
const ROWS: [(&str, &str); 15] = [
    (
        "advertise: process started to groups joined",
        "median at most 50",
    ),
    (
        "advertise: joined to first announcement, IPv4",
        "750 to 1,000",
    ),
    (
        "advertise: joined to first announcement, IPv6",
        "750 to 1,000",
    ),
    ("browse: joined to first question, IPv4", "20 to 120"),
    ("browse: joined to first question, IPv6", "20 to 120"),
    (
        "browse: packet that completes an instance to its line printed",
        "median at most 20",
    ),
    (
        "look-up: a raw question and its answer, by a script",
        "as it is",
    ),
    (
        "look-up: first question to line printed, beyond the raw one",
        "median at most 10",
    ),
    ("look-up: process started to line printed", "as it is"),
    (
        "ten look-ups in a row, IPv4: first question to line printed, beyond the raw one",
        "median at most 10",
    ),
    ("the same, IPv6", "median at most 10"),
    ("the same beside Avahi, IPv4", "median at most 10"),
    ("the same beside Avahi, IPv6", "median at most 10"),
    ("the same with 30 interfaces, IPv4", "median at most 10"),
    ("the same with 30 interfaces, IPv6", "median at most 10"),
];

/// How many look-ups follow one another.
const IN_A_ROW: usize = 10;

/// How many runs may fail.
const FAILED_MAX: usize = 3;

/// How often a recording is looked through for a packet.
const CAPTURE_TRIES: usize = 20;

/// How many interfaces a host has that has many.
const INTERFACES: usize = 30;

/// Milliseconds, a value a row.
type Run = [f64; ROWS.len()];

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.runs > 0, "no runs, no timings");
    lab::possible()?;
    let dir = target()
        .join("lab")
        .join(format!("timings-{}", std::process::id()));
    let context = Context::prepare(&dir, options.mdns.clone())?;
    let file = root().join("docs/timings.md");
    let (mut runs, mut failed) = (Vec::new(), 0);
    while runs.len() < options.runs {
        let n = runs.len() + 1;
        println!("run {n} of {}", options.runs);
        match once(&|network| context.named(&format!("run-{n}-{network}"))) {
            Ok(run) => runs.push(run),
            // On a busy machine a program may take longer than anybody waits for it.
            Err(error) if failed < FAILED_MAX => {
                failed += 1;
                println!("it failed, and is tried again: {error:#}");
                continue;
            }
            Err(error) => {
                return Err(error.context(format!("run {n}, see {}", dir.display())));
            }
        }
        // Whoever ends it early keeps what there is.
        fs::write(&file, report(&runs)).with_context(|| file.display().to_string())?;
    }
    fs::remove_dir_all(&dir).ok();
    println!("written: {}", file.display());
    Ok(())
}

/// On a fresh network, one browses and then another advertises.
fn once(named: &dyn Fn(&str) -> Context) -> Result<Run> {
    let context = &named("browse");
    let lab = Lab::new(context, 2, Families::Both)?;
    let (advertiser, browser) = (lab.host(1), lab.host(2));
    let service = Service {
        txt: &["path=/"],
        ..Service::new("Timed", "_http._tcp", 80)
    };
    let browsing = Stack::Ours.browse(context, browser, service.service_type)?;
    sleep(Duration::from_millis(300));
    let advertising = Stack::Ours.advertise(context, advertiser, &service)?;
    let printed = browsing.event("the service", SOON, |event| {
        event.kind == Kind::Resolved && event.instance == service.name
    })?;
    let printed = printed.at.context("a line without its time")?;
    // The other family's first announcement may still be to come.
    sleep(Duration::from_millis(500));

    let packets = lab.packets()?;
    let joined = |host: &Host, v6| {
        let report =
            |p: &&Datagram| matches!(p.content, Content::Membership) && p.source.is_ipv6() == v6;
        let found = from(&packets, host).find(report);
        found
            .map(|p| p.at)
            .with_context(|| format!("{} reported no membership (IPv6: {v6})", host.name()))
    };
    let first = |host: &Host, v6, what, wanted: fn(&Message<'_>) -> bool| {
        let wanted =
            |p: &&Datagram| p.source.is_ipv6() == v6 && p.message().is_some_and(|m| wanted(&m));
        let found = from(&packets, host).find(wanted);
        found
            .map(|p| p.at)
            .with_context(|| format!("{} sent no {what} (IPv6: {v6})", host.name()))
    };
    let announced = |v6| {
        let at = first(advertiser, v6, "announcement", is_announcement)?;
        anyhow::Ok(milliseconds(joined(advertiser, v6)?, at))
    };
    let asked = |v6| {
        let at = first(browser, v6, "question", is_browse)?;
        anyhow::Ok(milliseconds(joined(browser, v6)?, at))
    };
    let (raw, looked_up, in_all) = look_up(&named("look-up"))?;
    let [v4, v6] = in_a_row(&named("alone"), |_| Ok(()))?;
    let avahi = |lab: &Lab| lab.host(2).avahi("asker", &[]);
    let [v4_beside, v6_beside] = in_a_row(&named("beside"), avahi)?;
    let many = |lab: &Lab| lab.host(2).wire(lab.host(3), 1..INTERFACES);
    let [v4_many, v6_many] = in_a_row(&named("many"), many)?;
    let last_join = joined(advertiser, false)?.max(joined(advertiser, true)?);
    Ok([
        milliseconds(advertising.started(), last_join),
        announced(false)?,
        announced(true)?,
        asked(false)?,
        asked(true)?,
        milliseconds(
            completed(from(&packets, advertiser)).context("the service was never complete")?,
            printed,
        ),
        raw,
        looked_up - raw,
        in_all,
        v4,
        v6,
        v4_beside,
        v6_beside,
        v4_many,
        v6_many,
    ])
}

/// Of the host 1 of a network: a service on a host of a name that is asked for.
fn advertised(context: &Context, lab: &Lab) -> Result<Peer> {
    let service = Service {
        host: Some(NAME),
        ..Service::new("Timed", "_http._tcp", 80)
    };
    let (advertising, _) = Stack::Ours.advertised(context, lab.host(1), &service)?;
    // Its announcements are over.
    sleep(Duration::from_millis(1500));
    Ok(advertising)
}

/// The host that is asked for.
const NAME: &str = "timed";

/// Asks for a host raw, from an address of one's own; in milliseconds.
fn raw(asker: &Host, source: &str) -> Result<f64> {
    let script = root().join("xtask/lab/raw_question.py");
    let script = script.to_str().context("the path is not UTF-8")?;
    let output = asker.run(&["python3", script, source, NAME])?;
    let millis = output.stdout.trim().parse();
    millis.with_context(|| format!("raw_question.py said {output:?}"))
}

/// A look-up by a process of its own: when it was started, and when its line was printed.
struct LookUp {
    started: SystemTime,
    printed: SystemTime,
}

impl LookUp {
    fn run(context: &Context, asker: &Host, options: &[&str]) -> Result<Self> {
        let full = format!("{NAME}.local");
        let looking = mdns(context, asker, &[&["lookup", &full], options].concat())?;
        let found = looking.event("the addresses", SOON, |event| {
            event.addresses().next().is_some()
        })?;
        looking.wait(SOON)?;
        Ok(LookUp {
            started: looking.started(),
            printed: found.at.context("a line without its time")?,
        })
    }

    /// The milliseconds from its first question to its line, if the question is among these packets.
    fn since_question(&self, packets: &[Datagram], asker: &Host) -> Option<f64> {
        let is_question = |p: &&Datagram| {
            (self.started..self.printed).contains(&p.at)
                && p.message().is_some_and(|m| !m.header().flags.response())
        };
        let asked = from(packets, asker).find(is_question)?;
        Some(milliseconds(asked.at, self.printed))
    }
}

/// The milliseconds of look-ups from their first questions to their lines.
fn since_questions(lab: &Lab, asker: &Host, look_ups: &[LookUp]) -> Result<Vec<f64>> {
    // On a busy machine a packet may reach the recording late.
    for _ in 0..CAPTURE_TRIES {
        let packets = lab.packets()?;
        let all = look_ups.iter();
        let all: Option<Vec<f64>> = all.map(|one| one.since_question(&packets, asker)).collect();
        if let Some(all) = all {
            return Ok(all);
        }
    }
    bail!("one of them asked nothing")
}

/// On another fresh network, a host is asked for raw, and a moment later looked up by `mdns lookup`: milliseconds of the one, of the
/// other from its first question on, and of its whole process.
fn look_up(context: &Context) -> Result<(f64, f64, f64)> {
    let lab = Lab::new(context, 2, Families::Both)?;
    let _advertising = advertised(context, &lab)?;
    let asker = lab.host(2);
    let raw = raw(asker, &asker.v4())?;
    let look_up = LookUp::run(context, asker, &[])?;
    let in_all = milliseconds(look_up.started, look_up.printed);
    let looked_up = since_questions(&lab, asker, &[look_up])?;
    Ok((raw, median(&looked_up), in_all))
}

/// On another fresh network, which is made ready first, a host is looked up again and again by one process after another, over IPv4 and then over
/// IPv6: the median of the milliseconds from the first question on, beyond those of a raw one.
fn in_a_row<T>(context: &Context, ready: impl FnOnce(&Lab) -> Result<T>) -> Result<[f64; 2]> {
    let lab = Lab::new(context, 3, Families::Both)?;
    let _advertising = advertised(context, &lab)?;
    let _ready = ready(&lab)?;
    let asker = lab.host(2);
    let of_family = |option, source: &str| {
        let raw = raw(asker, source)?;
        let look_ups: Result<Vec<LookUp>> = (0..IN_A_ROW)
            .map(|_| LookUp::run(context, asker, &[option]))
            .collect();
        let mut all = since_questions(&lab, asker, &look_ups?)?;
        all.sort_by(f64::total_cmp);
        anyhow::Ok(median(&all) - raw)
    };
    Ok([of_family("-4", &asker.v4())?, of_family("-6", &asker.v6())?])
}

fn from<'p>(packets: &'p [Datagram], host: &Host) -> impl Iterator<Item = &'p Datagram> {
    let addresses: Vec<IpAddr> = host
        .addresses()
        .iter()
        .filter_map(|address| address.parse().ok())
        .collect();
    packets
        .iter()
        .filter(move |packet| addresses.contains(&packet.source))
}

fn is_announcement(message: &Message<'_>) -> bool {
    message.header().flags.response()
        && message
            .answers()
            .any(|record| matches!(record.rdata, Rdata::Srv(_)))
}

fn is_browse(message: &Message<'_>) -> bool {
    !message.header().flags.response()
        && message
            .questions()
            .any(|question| question.qtype == RecordType::PTR)
}

/// When the last of pointer, place, description and an address had passed.
fn completed<'p>(mut packets: impl Iterator<Item = &'p Datagram>) -> Option<SystemTime> {
    let mut missing = vec![
        RecordType::PTR,
        RecordType::SRV,
        RecordType::TXT,
        RecordType::A,
    ];
    let last = packets.find(|packet| {
        let message = packet
            .message()
            .filter(|message| message.header().flags.response());
        for (_, record) in message.iter().flat_map(Message::records) {
            let arrived = match record.rdata.rtype() {
                // Either kind of address will do.
                RecordType::AAAA => RecordType::A,
                other => other,
            };
            missing.retain(|rtype| *rtype != arrived);
        }
        missing.is_empty()
    });
    last.map(|packet| packet.at)
}

/// Negative when `to` came first.
fn milliseconds(from: SystemTime, to: SystemTime) -> f64 {
    match to.duration_since(from) {
        Ok(span) => span.as_secs_f64() * 1e3,
        Err(e) => e.duration().as_secs_f64() * -1e3,
    }
}

fn report(runs: &[Run]) -> String {
    let mut text = format!(
        "# Timings of `mdns`\n\n\
         Measured by `cargo xtask timings --runs {}` {}. The command writes this file anew; it is a\n\
         report, nothing here is asserted.\n\n\
         | measured | wanted, ms | median ms | min | max |\n|---|---|---|---|---|\n",
        runs.len(),
        machine()
    );
    for (n, (what, wanted)) in ROWS.iter().enumerate() {
        let mut values: Vec<f64> = runs.iter().filter_map(|run| run.get(n).copied()).collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (
            values.first().copied().unwrap_or_default(),
            values.last().copied().unwrap_or_default(),
        );
        // Writing to a string cannot fail.
        writeln!(
            text,
            "| {what} | {wanted} | {:.1} | {min:.1} | {max:.1} |",
            median(&values)
        )
        .ok();
    }
    text + "\n\
        Each run has a network of its own with two hosts, both on IPv4 and IPv6; on one `mdns browse --resolve` runs, then\n\
        `mdns advertise` starts on the other. Packets have the time at which they crossed the switch, printed lines the time\n\
        at which the reader had them, by one clock.\n\n\
        - *Joined* is when the kernel reports the membership (IGMP, MLD). It does so up to about 12 ms after the socket has\n  \
        joined: start-up takes that much less than stated, announcement and question that much more.\n\
        - *Started* is before the program is, and before it enters its host's namespaces, which takes 2 to 4 ms.\n\
        - A *first announcement* is the first response with an SRV record among its answers.\n\
        - An instance is *complete* with PTR, SRV, TXT and an address.\n\
        - The look-up is for both families, from a network on which the same host was just asked for; the first question is the first\n  \
        packet of its process that is one.\n\
        - Look-ups in a row are ten processes one after another; what stands here is made of the median of each ten. With 30 interfaces, the host is on\n  \
        the first.\n"
}

/// Of sorted values; the mean of the middle two when there is no middle one.
fn median(values: &[f64]) -> f64 {
    let upper = values.get(values.len() / 2).copied().unwrap_or_default();
    match values.len() % 2 {
        0 => {
            (values
                .get(values.len().saturating_sub(2) / 2)
                .copied()
                .unwrap_or_default()
                + upper)
                / 2.0
        }
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[1.0, 2.0, 9.0]), 2.0);
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
    }

    #[test]
    fn the_report_has_a_line_a_row() {
        let report = report(&[[1.0; ROWS.len()], [3.0; ROWS.len()]]);
        assert_eq!(report.matches("| 2.0 | 1.0 | 3.0 |").count(), ROWS.len());
    }
}
