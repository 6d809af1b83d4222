//! The program of `--script`: runs apart from the claim, which goes on defending the address however long it takes.
//!
//! One runs at a time, in the order of what happened. One that takes longer than 30 s is killed, with all that it has started. At most eight calls
//! wait; where there are more, the oldest is left out, so that the last call always says what is so.

use std::{
    collections::VecDeque,
    fs, io,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, Command},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};

use crate::output::Output;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How many calls wait for the one before.
const WAITING_MAX: usize = 8;

/// What is told to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Call {
    /// BIND, CONFLICT, UNBIND or STOP.
    word: &'static str,
    address: Option<Ipv4Addr>,
    /// Nothing follows.
    is_last: bool,
}

/// The program, and what it is still to be told.
#[derive(Debug)]
pub(super) struct Script {
    calls: UnboundedSender<Call>,
    task: JoinHandle<()>,
}

impl Script {
    /// Returns the program at this path, if it can be run.
    ///
    /// # Errors
    ///
    /// Says why it cannot.
    pub(super) fn open(interface: &str, program: PathBuf, output: Output) -> Result<Self, String> {
        let fault = |what: String| format!("--script {}: {what}", program.display());
        let found = fs::metadata(&program).map_err(|error| fault(error.to_string()))?;
        if !found.is_file() {
            return Err(fault("not a file".to_owned()));
        }
        if found.permissions().mode() & 0o111 == 0 {
            return Err(fault("not executable; chmod +x makes it so".to_owned()));
        }
        let (calls, waiting) = unbounded_channel();
        let runner = Runner {
            interface: interface.to_owned(),
            program,
            output,
        };
        let task = tokio::spawn(runner.run(waiting));
        Ok(Script { calls, task })
    }

    /// Tells the program of something, when it has been told of all before.
    pub(super) fn call(&self, word: &'static str, address: Option<Ipv4Addr>) {
        self.send(word, address, false);
    }

    /// Tells it that this is the end, in place of all that still waits, and waits until that is done: for a minute at most.
    pub(super) async fn stop(self, word: &'static str, address: Option<Ipv4Addr>) {
        self.send(word, address, true);
        drop(self.calls);
        self.task.await.ok();
    }

    fn send(&self, word: &'static str, address: Option<Ipv4Addr>, is_last: bool) {
        let call = Call {
            word,
            address,
            is_last,
        };
        // The task ends after the last call.
        self.calls.send(call).ok();
    }
}

struct Runner {
    interface: String,
    program: PathBuf,
    output: Output,
}

impl Runner {
    async fn run(self, mut calls: UnboundedReceiver<Call>) {
        let mut waiting = VecDeque::new();
        while let Some(call) = match waiting.pop_front() {
            Some(call) => Some(call),
            None => calls.recv().await,
        } {
            let mut child = match self.start(call) {
                Ok(child) => child,
                Err(error) => {
                    self.remark(call, &error.to_string());
                    continue;
                }
            };
            let ended = {
                let ended = timeout(TIMEOUT, child.wait());
                tokio::pin!(ended);
                loop {
                    tokio::select! {
                        ended = &mut ended => break ended,
                        Some(call) = calls.recv() => self.enqueue(&mut waiting, call),
                    }
                }
            };
            match ended {
                Ok(Ok(status)) => self.tell_failure(call, status),
                Ok(Err(error)) => self.remark(call, &error.to_string()),
                Err(_) => {
                    kill(&mut child).await;
                    let seconds = TIMEOUT.as_secs();
                    self.remark(call, &format!("killed after {seconds} s"));
                }
            }
        }
    }

    /// Keeps a call until its turn. The last one takes the place of all others.
    fn enqueue(&self, waiting: &mut VecDeque<Call>, call: Call) {
        if call.is_last {
            waiting.clear();
        }
        waiting.push_back(call);
        if waiting.len() > WAITING_MAX
            && let Some(oldest) = waiting.pop_front()
        {
            self.remark(oldest, "left out: the one before takes too long");
        }
    }

    fn start(&self, call: Call) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args([call.word, &self.interface]);
        command.args(call.address.map(|address| address.to_string()));
        // What it prints is none of our lines.
        command.stdin(Stdio::null()).stdout(io::stderr());
        // So that ctrl-C does not end it, and that what it has started can be killed with it.
        command.process_group(0).spawn()
    }

    fn tell_failure(&self, call: Call, status: ExitStatus) {
        if !status.success() {
            self.remark(call, &status.to_string());
        }
    }

    fn remark(&self, call: Call, what: &str) {
        let (program, word) = (self.program.display(), call.word);
        self.output.remark(&format!("{program} {word}: {what}"));
    }
}

/// Kills a program and all that it has started.
async fn kill(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(group) = group.and_then(Pid::from_raw) {
        kill_process_group(group, Signal::KILL).ok();
    }
    child.wait().await.ok();
}
