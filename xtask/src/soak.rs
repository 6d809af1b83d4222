//! `cargo xtask soak`: every command of `mdns` for hours in the lab, while peers come and go, and what each takes of memory,
//! descriptors and time.
//!
//! ```text
//! h1  mdns advertise            watched
//! h2  mdns browse, browse --resolve, browse of all types, lookup, resolve, reverse, query, monitor     watched: all go on after the
//!     first answer; and once a round a command that ends by itself, such as doctor
//! h3  Avahi              ┐
//! h4  python-zeroconf    ├ services that come and go, most of them with a goodbye
//! h5  mdns advertise     ┘
//! h6  mdns address              watched
//! ```
//!
//! Every few seconds a round: each stack gets a service under a name that was never heard before, and the oldest says goodbye.
//! In turn addresses come and go, cables are pulled, a description changes, and one peer dies without a word and comes back.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use nix::sys::signal::Signal;
use procfs_core::{
    FromRead as _,
    process::{Stat, Status},
};

use crate::{
    lab::{
        self, Context, Kind, Lab,
        net::{Families, Link},
        peer::Peer,
        stack::{SOON, Service, Stack, ask_directly, change_txt, mdns},
    },
    shell::{Shell, machine, root, target},
};

/// What is advertised and browsed for.
const TYPE: &str = "_http._tcp";

/// How much the resident memory of the second half may exceed the peak of the first, KiB: a heap's habits.
const SLACK: u64 = 256;

/// The most time of a processor that a process may take, thousandths of one: many times of what it needs, and far below what one
/// takes that wakes itself.
const CPU_PERMILLE: u128 = 30;

/// The most time of a processor that a command may take that ends by itself: again many times of what it needs.
const CPU_ONCE: Duration = Duration::from_secs(1);

/// From one round to the next.
const ROUND: Duration = Duration::from_secs(8);

/// Services of each stack at a time.
const LIVING: usize = 3;

/// How long the last changes may take to be seen.
const SETTLES: Duration = Duration::from_secs(30);

/// What is said on the way, at most.
const PROGRESS_LINES: u32 = 60;

#[derive(Args)]
pub(crate) struct Options {
    /// How long to watch; fractions are allowed, 0.01 is half a minute.
    #[arg(long)]
    hours: f64,
    /// Seconds from one sample to the next.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    every: f64,
    /// Writes every sample here, as comma-separated values.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Writes docs/soak.md anew.
    #[arg(long)]
    docs: bool,
    /// Watches this `mdns` instead of building one.
    #[arg(long, value_name = "PROGRAM")]
    mdns: Option<PathBuf>,
}

/// What a process takes at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Since the watching began.
    at: Duration,
    /// Resident memory, KiB.
    pub(crate) resident: u64,
    /// The part of it that is no file's: heap and stacks, KiB.
    anonymous: u64,
    pub(crate) descriptors: u64,
    threads: u64,
    /// Time of a processor since it started.
    pub(crate) cpu: Duration,
}

impl Sample {
    /// Of a process now; `tick` is what the kernel counts its time in.
    pub(crate) fn of(peer: &Peer, at: Duration, tick: Duration) -> Result<Self> {
        let pid = peer.pid();
        let status = Status::from_file(format!("/proc/{pid}/status"))?;
        let stat = Stat::from_file(format!("/proc/{pid}/stat"))?;
        let ticks = u32::try_from(stat.utime + stat.stime)?;
        Ok(Sample {
            at,
            resident: status.vmrss.context("no resident memory")?,
            anonymous: status.rssanon.unwrap_or_default(),
            descriptors: fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64,
            threads: status.threads,
            cpu: tick * ticks,
        })
    }
}

/// A process that is watched.
struct Watched {
    what: &'static str,
    peer: Peer,
    samples: Mutex<Vec<Sample>>,
}

impl Watched {
    fn new(what: &'static str, peer: Peer) -> Self {
        Watched {
            what,
            peer,
            samples: Mutex::default(),
        }
    }

    fn sample(&self, at: Duration, tick: Duration) -> Result<Sample> {
        let sample = Sample::of(&self.peer, at, tick)
            .with_context(|| format!("the {} cannot be watched", self.what))?;
        self.samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(sample);
        Ok(sample)
    }

    fn samples(&self) -> Vec<Sample> {
        self.samples
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let spans = (
        Duration::try_from_secs_f64(options.hours * 3600.0),
        Duration::try_from_secs_f64(options.every),
    );
    let (Ok(time), Ok(every)) = spans else {
        bail!("--hours and --every are spans of time");
    };
    ensure!(
        !every.is_zero() && every * 4 <= time,
        "fewer than four samples say nothing"
    );
    lab::possible()?;
    let record = target()
        .join("lab")
        .join(format!("soak-{}", std::process::id()));
    let context = Context::prepare(&record, options.mdns.clone())?.named("soak");
    let csv = match &options.csv {
        Some(file) => {
            let file = File::create(file).with_context(|| file.display().to_string())?;
            Some(BufWriter::new(file))
        }
        None => None,
    };

    let lab = Lab::new(&context, 6, Families::Both)?;
    let mut town = Town::new(&context, &lab)?;
    let watching = Watching {
        start: Instant::now(),
        time,
        every,
        over: AtomicBool::new(false),
        peers: AtomicUsize::new(town.names().len()),
        watched: town
            .staying()
            .map(|(what, peer)| Watched::new(what, peer.clone()))
            .collect(),
    };
    println!(
        "soak: {:.1} minutes, a sample every {} s, {} peers at a time",
        time.as_secs_f64() / 60.0,
        every.as_secs_f64(),
        town.names().len()
    );
    thread::scope(|scope| {
        let sampler = scope.spawn(|| watching.sample_all(csv));
        // The lab's programs end with the thread that started them, so it is this one that goes on.
        let lived = town.live(&watching);
        watching.over.store(true, Ordering::Relaxed);
        let sampled = sampler
            .join()
            .unwrap_or_else(|_| bail!("a sampler panicked"));
        lived.and(sampled)
    })
    .with_context(|| format!("see {}", record.display()))?;

    let summaries: Vec<_> = watching
        .watched
        .iter()
        .map(|watched| Summary::new(watched.what, &watched.samples()))
        .collect();
    let table = table(&summaries, time);
    println!("{table}");
    let work = town
        .work()
        .with_context(|| format!("see {}", record.display()))?;
    println!("{work}");
    let faults: Vec<String> = summaries.iter().flat_map(Summary::faults).collect();
    if options.docs {
        let file = root().join("docs/soak.md");
        let text = report(options, &town, &table, &work, faults.is_empty());
        fs::write(&file, text).with_context(|| file.display().to_string())?;
        println!("written: {}", file.display());
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n       "));
    println!("soak: flat");
    drop(town);
    drop(lab);
    fs::remove_dir_all(&record).ok();
    Ok(())
}

/// Those who come and go, and those who stay.
struct Town<'l> {
    context: &'l Context,
    lab: &'l Lab,
    responder: Peer,
    browser: Peer,
    /// The other commands that stay.
    others: Vec<(&'static str, Peer)>,
    /// The time of a processor that commands took that end by themselves: how often each ran, and the most it took.
    once: BTreeMap<&'static str, (u32, Duration)>,
    /// Who lives now, the oldest first: its name, its program.
    living: [VecDeque<(String, Peer)>; 3],
    /// One that dies without a goodbye, and comes back.
    mortal: Option<Peer>,
    /// Which of the hosts have their second address.
    doubled: BTreeSet<usize>,
    rounds: usize,
    came: usize,
}

/// The stacks that come and go, and their hosts.
const STACKS: [(Stack, usize); 3] = [(Stack::Avahi, 3), (Stack::Zeroconf, 4), (Stack::Ours, 5)];

/// An address with the length of the prefix that all have.
fn on_link(address: &str) -> String {
    format!("{address}/24")
}

/// What the responder advertises.
const STAYS: &str = "Stays";

/// What dies and comes back.
const MORTAL: &str = "Mortal";

impl<'l> Town<'l> {
    /// As many live here as ever will.
    fn new(context: &'l Context, lab: &'l Lab) -> Result<Self> {
        lab.host(3).avahi("h3", &[])?;
        let browser = Stack::Ours.browse(context, lab.host(2), TYPE)?;
        let stays = Service {
            txt: &["path=/"],
            ..Service::new(STAYS, TYPE, 80)
        };
        let (responder, _) = Stack::Ours.advertised(context, lab.host(1), &stays)?;
        let endless = |what, host, args: &[&str]| -> Result<(&'static str, Peer)> {
            Ok((what, mdns(context, lab.host(host), args)?))
        };
        let look_up = |what, args: &[&str]| {
            let args = [args, &["--timeout", "10000000"]].concat();
            endless(what, 2, &args)
        };
        // It claims an address where there is none.
        lab.host(6).remove_address(&on_link(&lab.host(6).v4()))?;
        let others = vec![
            endless("mdns browse", 2, &["browse", TYPE])?,
            endless("mdns browse, all types", 2, &["browse"])?,
            look_up("mdns lookup", &["lookup", "h1.local", "--count", "1000000"])?,
            look_up(
                "mdns resolve",
                &["resolve", STAYS, TYPE, "--count", "1000000"],
            )?,
            look_up(
                "mdns reverse",
                &["reverse", &lab.host(1).v4(), "--count", "1000000"],
            )?,
            look_up("mdns query --all", &["query", "h1.local", "A", "--all"])?,
            endless("mdns monitor", 2, &["monitor"])?,
            endless(
                "mdns address",
                6,
                &["address", "eth0", "--state", "/run/address"],
            )?,
        ];
        let mut town = Town {
            context,
            lab,
            responder,
            browser,
            others,
            once: BTreeMap::new(),
            living: Default::default(),
            mortal: None,
            doubled: BTreeSet::new(),
            rounds: 0,
            came: 0,
        };
        town.revive()?;
        for _ in 0..LIVING {
            town.newcomers()?;
        }
        // What a change makes a process take once and keep is not growth.
        for host in [1, 2, 1, 2] {
            town.change_address(host)?;
            town.pull_cable(host)?;
        }
        town.settle()?;
        Ok(town)
    }

    /// All that are watched.
    fn staying(&self) -> impl Iterator<Item = (&'static str, &Peer)> {
        let others = self.others.iter().map(|(what, peer)| (*what, peer));
        [
            ("mdns advertise", &self.responder),
            ("mdns browse --resolve", &self.browser),
        ]
        .into_iter()
        .chain(others)
    }

    /// Rounds until the time is over.
    fn live(&mut self, watching: &Watching) -> Result<()> {
        while watching.start.elapsed() < watching.time && !watching.over.load(Ordering::Relaxed) {
            let next = Instant::now() + ROUND;
            self.round()
                .with_context(|| format!("round {}", self.rounds))?;
            watching.peers.store(self.names().len(), Ordering::Relaxed);
            sleep(next.saturating_duration_since(Instant::now()));
        }
        self.revive()
    }

    fn round(&mut self) -> Result<()> {
        self.rounds += 1;
        let n = self.rounds;
        match n % 10 {
            2 => self.pull_cable(1)?,
            7 => self.pull_cable(2)?,
            _ => {}
        }
        // The host without an address gets one, and loses it.
        let given = on_link(&self.lab.host(6).v4());
        match n % 5 {
            2 => self.lab.host(6).add_address(&given)?,
            4 => self.lab.host(6).remove_address(&given)?,
            _ => {}
        }
        let doubles = [1, 2, 3, 5];
        self.change_address(doubles[n % doubles.len()])?;
        match n % 5 {
            0 => self.mortal.take().iter().for_each(Peer::kill),
            1 => self.revive()?,
            _ => {}
        }
        self.newcomers()?;
        for living in &mut self.living {
            if let Some((_, oldest)) = living.pop_front() {
                oldest.signal(Signal::SIGTERM)?;
                oldest.wait(SOON)?;
            }
        }
        if let Some((_, zeroconf)) = self.living[1].back() {
            change_txt(zeroconf, &[&format!("round={n}")])?;
        }
        self.run_once()?;
        for (what, peer) in self.staying() {
            ensure!(peer.is_running()?, "{what} ended");
        }
        Ok(())
    }

    /// Runs one of the commands that end by themselves, each in its turn, and notes the time of a processor that it took.
    fn run_once(&mut self) -> Result<()> {
        let record = self.context.record.with_extension("pcap");
        let record = record.to_string_lossy();
        let h1 = self.lab.host(1).v4();
        let all: [(&'static str, &[&str], i32); 10] = [
            ("doctor", &["doctor"], 0),
            ("browse --once", &["browse", TYPE, "--once"], 0),
            (
                "browse --resolve --once",
                &["browse", TYPE, "-r", "--once"],
                0,
            ),
            ("lookup", &["lookup", "h1"], 0),
            ("resolve", &["resolve", STAYS, TYPE], 0),
            ("reverse", &["reverse", &h1], 0),
            ("query", &["query", "h1", "AAAA"], 0),
            ("demo", &["demo", "-i", "eth0"], 0),
            ("decode", &["decode", &record, "-n", "1000"], 0),
            // Another host has it.
            (
                "address --check",
                &["address", "--check", &h1, "-i", "eth0"],
                1,
            ),
        ];
        let (what, words, code) = all[self.rounds % all.len()];
        let program = self.context.mdns.to_string_lossy();
        let timed = "TIMEFORMAT='time: %U %S'; time \"$@\" --json";
        let host = self.lab.host(2);
        let output = host.run(&[&["bash", "-c", timed, "bash", &program], words].concat())?;
        ensure!(
            output.status.code() == Some(code),
            "mdns {}: {}, {}",
            words.join(" "),
            output.status,
            output.stderr
        );
        let times = output.stderr.lines().last().unwrap_or_default();
        let taken = times
            .strip_prefix("time: ")
            .context("bash does not say how long it took")?
            .split(' ')
            .map(|secs| Ok(Duration::try_from_secs_f64(secs.parse()?)?))
            .sum::<Result<Duration>>()?;
        ensure!(
            taken <= CPU_ONCE,
            "mdns {} took {taken:?} of a processor",
            words.join(" ")
        );
        let (count, most) = self.once.entry(what).or_default();
        *count += 1;
        *most = taken.max(*most);
        Ok(())
    }

    /// A service more of each stack, under a name of its own.
    fn newcomers(&mut self) -> Result<()> {
        self.came += 1;
        for ((stack, host), living) in STACKS.into_iter().zip(&mut self.living) {
            let name = format!("{stack:?} {}", self.came);
            let service = Service {
                txt: &["round=0"],
                ..Service::new(&name, TYPE, 8080)
            };
            let (peer, event) = stack.advertised(self.context, self.lab.host(host), &service)?;
            ensure!(event.instance == name, "{name} became {}", event.instance);
            living.push_back((name, peer));
        }
        Ok(())
    }

    fn revive(&mut self) -> Result<()> {
        if self.mortal.is_none() {
            let service = Service::new(MORTAL, TYPE, 81);
            let (peer, _) = Stack::Ours.advertised(self.context, self.lab.host(5), &service)?;
            self.mortal = Some(peer);
        }
        Ok(())
    }

    fn pull_cable(&self, host: usize) -> Result<()> {
        let host = self.lab.host(host);
        host.carrier(0, Link::Down)?;
        sleep(Duration::from_secs(1));
        host.carrier(0, Link::Up)?;
        // Time to hear the goodbyes that are next.
        sleep(Duration::from_secs(2));
        Ok(())
    }

    fn change_address(&mut self, number: usize) -> Result<()> {
        let host = self.lab.host(number);
        let second = on_link(&format!("10.99.0.{}", 100 + number));
        if self.doubled.remove(&number) {
            host.remove_address(&second)
        } else {
            self.doubled.insert(number);
            host.add_address(&second)
        }
    }

    /// All that is there to be found now.
    fn names(&self) -> BTreeSet<String> {
        let living = self.living.iter().flatten().map(|(name, _)| name.clone());
        let mortal = self.mortal.iter().map(|_| MORTAL.to_owned());
        living.chain(mortal).chain([STAYS.to_owned()]).collect()
    }

    /// Waits until the browser knows all that is there, with its place, and nothing else.
    fn settle(&self) -> Result<()> {
        let wanted: BTreeMap<_, _> = self.names().into_iter().map(|name| (name, true)).collect();
        let mut seen = BTreeMap::new();
        lab::until("the browser sees what is there", SETTLES, || {
            seen = self.seen();
            Ok(seen == wanted)
        })
        .with_context(|| format!("it sees {seen:?} instead of {:?}", wanted.keys()))
    }

    /// What the browser says there is, and whether it says where.
    fn seen(&self) -> BTreeMap<String, bool> {
        let mut seen = BTreeMap::new();
        for event in self.browser.events() {
            match event.kind {
                Kind::Found | Kind::Lost => seen.insert(event.instance, false),
                Kind::Resolved => seen.insert(event.instance, true),
                Kind::Gone => seen.remove(&event.instance),
                _ => None,
            };
        }
        seen
    }

    /// Checks that both still do what they are for, and says how it did so.
    fn work(&self) -> Result<String> {
        self.settle()?;
        let (h1, h3) = (self.lab.host(1), self.lab.host(3));
        let renamed = |peer: &Peer| peer.events().iter().any(|e| e.kind == Kind::Renamed);
        ensure!(!renamed(&self.responder), "the responder was renamed");
        let answered = ask_directly(h3, &h1.v4(), "h1", 10, "")?;
        ensure!(answered == 10, "{answered} of 10 questions were answered");
        let looked_up = Stack::Avahi.lookup(self.context, h3, "h1")?;
        ensure!(
            looked_up.stdout.contains("10.99.0."),
            "Avahi does not resolve h1: {looked_up:?}"
        );
        let watching = Stack::Avahi.browse(self.context, h3, TYPE)?;
        watching.event("our service, resolved by Avahi", SOON, |event| {
            event.kind == Kind::Resolved && event.instance == STAYS && event.port == 80
        })?;
        let h6 = self.lab.host(6);
        lab::until("h6 has a link-local address", SETTLES, || {
            let addresses = h6.run(&["ip", "-4", "-o", "addr", "show", "dev", "eth0"])?;
            Ok(addresses.stdout.contains(" 169.254.") || addresses.stdout.contains(&h6.v4()))
        })?;
        Ok(format!(
            "After {} rounds with {} services in all the browser saw exactly the {} that were there; Avahi resolved the\n\
             responder's host and service; it answered 10 of 10 questions asked directly.",
            self.rounds,
            self.came * STACKS.len() + 2,
            self.names().len(),
        ))
    }
}

/// The watching, apart from what happens meanwhile.
struct Watching {
    start: Instant,
    time: Duration,
    every: Duration,
    over: AtomicBool,
    /// Who is there, for the samples.
    peers: AtomicUsize,
    watched: Vec<Watched>,
}

impl Watching {
    /// Takes samples until the time is over.
    fn sample_all(&self, mut csv: Option<BufWriter<File>>) -> Result<()> {
        let done = self.sample_until_over(&mut csv);
        // The rounds end too when there is nothing to watch any more.
        self.over.store(true, Ordering::Relaxed);
        done
    }

    fn sample_until_over(&self, csv: &mut Option<BufWriter<File>>) -> Result<()> {
        let tick = tick()?;
        let pause = (self.time / PROGRESS_LINES).max(self.every);
        let (mut due, mut shown) = (Duration::ZERO, Duration::ZERO);
        if let Some(csv) = csv {
            writeln!(
                csv,
                "seconds,process,resident_kib,anonymous_kib,descriptors,threads,cpu_seconds,services"
            )?;
        }
        while due <= self.time {
            while self.start.elapsed() < due {
                if self.over.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let left = due.saturating_sub(self.start.elapsed());
                sleep(left.min(Duration::from_millis(200)));
            }
            let mut line = format!("soak: {:>6.1} min", due.as_secs_f64() / 60.0);
            for watched in &self.watched {
                let s = watched.sample(due, tick)?;
                let (what, peers) = (watched.what, self.peers.load(Ordering::Relaxed));
                write!(
                    line,
                    "   {}: {} KiB {} fd {:.2} s",
                    what.trim_start_matches("mdns "),
                    s.resident,
                    s.descriptors,
                    s.cpu.as_secs_f64()
                )?;
                if let Some(csv) = csv {
                    writeln!(
                        csv,
                        "{:.0},{what},{},{},{},{},{:.2},{peers}",
                        due.as_secs_f64(),
                        s.resident,
                        s.anonymous,
                        s.descriptors,
                        s.threads,
                        s.cpu.as_secs_f64()
                    )?;
                    csv.flush()?;
                }
            }
            if due >= shown {
                println!("{line}");
                shown = due + pause;
            }
            due += self.every;
        }
        Ok(())
    }
}

/// What the kernel counts a process's time in.
pub(crate) fn tick() -> Result<Duration> {
    let per_second: u32 = Shell::new("getconf")
        .args(["CLK_TCK"])
        .output()?
        .trim()
        .parse()?;
    Ok(Duration::from_secs(1) / per_second)
}

/// The columns of the table of processes.
const COLUMNS: [&str; 8] = [
    "",
    "resident memory, first and last, KiB",
    "its peak in the first half and in the second",
    "of it heap and stacks, first and last",
    "descriptors, first and last",
    "their peak in the first half and in the second",
    "threads, first and last",
    "time of a processor",
];

/// The table of all processes, one a row.
fn table(summaries: &[Summary], time: Duration) -> String {
    let head = COLUMNS.map(str::to_owned);
    let rule = COLUMNS.map(|_| "---".to_owned());
    let rows = summaries.iter().map(|summary| summary.row(time));
    [head, rule]
        .into_iter()
        .chain(rows)
        .map(|cells| format!("| {} |\n", cells.join(" | ")))
        .collect()
}

/// A process over the whole time.
struct Summary {
    what: &'static str,
    first: Sample,
    last: Sample,
    /// The highest resident memory of each half, KiB.
    peaks: [u64; 2],
    /// The most descriptors of each half.
    descriptors: [u64; 2],
}

impl Summary {
    fn new(what: &'static str, samples: &[Sample]) -> Self {
        let last = samples.last().copied().unwrap_or_default();
        let (early, late): (Vec<Sample>, Vec<Sample>) =
            samples.iter().partition(|sample| sample.at * 2 < last.at);
        let peak = |of: fn(&Sample) -> u64| {
            [&early, &late].map(|half| half.iter().map(of).max().unwrap_or_default())
        };
        Summary {
            what,
            first: samples.first().copied().unwrap_or_default(),
            last,
            peaks: peak(|sample| sample.resident),
            descriptors: peak(|sample| sample.descriptors),
        }
    }

    /// Its row of the table.
    fn row(&self, time: Duration) -> [String; COLUMNS.len()] {
        let (first, last) = (&self.first, &self.last);
        let cpu = last.cpu.saturating_sub(first.cpu).as_secs_f64();
        [
            format!("`{}`", self.what),
            format!("{}, {}", first.resident, last.resident),
            format!("{}, {}", self.peaks[0], self.peaks[1]),
            format!("{}, {}", first.anonymous, last.anonymous),
            format!("{}, {}", first.descriptors, last.descriptors),
            format!("{}, {}", self.descriptors[0], self.descriptors[1]),
            format!("{}, {}", first.threads, last.threads),
            format!(
                "{cpu:.2} s, {:.3} % of one",
                cpu * 100.0 / time.as_secs_f64()
            ),
        ]
    }

    /// What is not flat.
    fn faults(&self) -> Vec<String> {
        let what = self.what;
        let mut faults = Vec::new();
        let [early, late] = self.peaks;
        if late > early + SLACK {
            faults.push(format!(
                "{what} grew from {early} to {late} KiB, by more than {SLACK}"
            ));
        }
        let [early, late] = self.descriptors;
        if late > early {
            faults.push(format!(
                "{what} had at most {early} descriptors, then {late}"
            ));
        }
        let time = self.last.at.saturating_sub(self.first.at);
        let cpu = self.last.cpu.saturating_sub(self.first.cpu);
        if cpu.as_millis() * 1000 > time.as_millis() * CPU_PERMILLE {
            faults.push(format!("{what} took {cpu:?} of a processor in {time:?}"));
        }
        faults
    }
}

fn report(options: &Options, town: &Town<'_>, table: &str, work: &str, is_flat: bool) -> String {
    let verdict = if is_flat { "Flat." } else { "Not flat." };
    let once: String = town
        .once
        .iter()
        .map(|(what, (count, most))| {
            format!(
                "| `mdns {what}` | {count} | {:.2} s |\n",
                most.as_secs_f64()
            )
        })
        .collect();
    format!(
        "# Soak\n\n\
         What each command of `mdns` that goes on takes of memory, descriptors and time while peers come and go. Measured by\n\
         `cargo xtask soak --hours {} --docs` (root, Linux) {}; the command writes this file anew.\n\n\
         {table}\n\
         {verdict} {work}\n\n\
         Those that end by themselves ran one a round, in turn:\n\n\
         |  | how often | time of a processor, at most |\n| --- | --- | --- |\n{once}\n\
         * *Flat* means: the highest resident memory of the second half is at most {SLACK} KiB above that of the first, there are no\n  \
         more descriptors than there were, and no process takes more than {} % of a processor, nor more than {} s if it ends by itself.\n  \
         Otherwise the exit code is 1. A sample is taken every {} s; `--csv FILE` keeps them.\n\
         * Memory is `VmRSS` of `/proc/PID/status`, with the pages of the program itself; *heap and stacks* is `RssAnon`. Time is\n  \
         `utime` and `stime` of `/proc/PID/stat`.\n\
         * The network has six hosts, on IPv4 and IPv6: the responder; one where all the commands that look for something run side by\n  \
         side; one each for Avahi, python-zeroconf and `mdns advertise`, each of which has {LIVING} services at a time; and one without an\n  \
         IPv4 address for `mdns address`.\n\
         * A round takes {} s or a little more; there were {}. In each, every stack gets a service under a name that was never heard\n  \
         before, its oldest leaves with a goodbye, a TXT record changes, and a host gets or loses a second address: in turn Avahi's,\n  \
         our peers', the responder's and the browser's. In two of ten the cable of the responder or of the browser is pulled for a second.\n  \
         In one of five a peer dies without a goodbye, to come back under the same name in the next; in two of five the sixth host is\n  \
         given an address, or it is taken away.\n\
         * The watching begins when all are there for the first time, and each cable has been pulled twice.\n",
        options.hours,
        machine(),
        CPU_PERMILLE as f64 / 10.0,
        CPU_ONCE.as_secs(),
        options.every,
        ROUND.as_secs(),
        town.rounds,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(resident: [u64; 4], descriptors: [u64; 4]) -> Vec<Sample> {
        let sample = |(n, (resident, descriptors))| Sample {
            at: Duration::from_secs(n),
            resident,
            descriptors,
            ..Sample::default()
        };
        (0..)
            .zip(resident.into_iter().zip(descriptors))
            .map(sample)
            .collect()
    }

    fn is_flat(resident: [u64; 4], descriptors: [u64; 4]) -> bool {
        Summary::new("test", &samples(resident, descriptors))
            .faults()
            .is_empty()
    }

    #[test]
    fn what_grows_beyond_the_slack_is_not_flat() {
        assert!(is_flat([900, 1000, 1000 + SLACK, 950], [9; 4]));
        assert!(!is_flat([900, 1000, 1001 + SLACK, 950], [9; 4]));
    }

    #[test]
    fn a_process_that_spins_is_not_flat() {
        let is_flat = |millis| {
            let mut samples = samples([900; 4], [9; 4]);
            samples[3].cpu = Duration::from_millis(millis);
            Summary::new("test", &samples).faults().is_empty()
        };
        // Of three seconds.
        assert!(is_flat(90));
        assert!(!is_flat(91));
    }

    #[test]
    fn a_descriptor_more_is_not_flat() {
        assert!(is_flat([1000; 4], [9, 11, 11, 10]));
        assert!(!is_flat([1000; 4], [9, 9, 10, 9]));
    }

    #[test]
    fn this_process_can_be_watched() {
        let stat = Stat::from_file("/proc/self/stat");
        let status = Status::from_file("/proc/self/status");
        assert!(cfg!(not(target_os = "linux")) || (stat.is_ok() && status.is_ok()));
    }
}
