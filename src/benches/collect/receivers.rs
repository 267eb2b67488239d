//! What is measured: each receives on a loopback port with the same receive buffer, in a process of its own.

use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::collector::socket::{self, ReceiveBatch};
use tempfile::TempDir;

use super::BUFFER_BYTES;
use super::generator::{RECORDS, Sent};
use super::program::{Outcome, Program};

/// How long a receiver may take for what it still holds when the generator has ended.
const DRAINING: Duration = Duration::from_secs(20);

/// Who receives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `recvmmsg` in a loop, and nothing else.
    Bare,
    /// The same, and each datagram is decoded to flow records, which are let go.
    Decoding,
    /// nfdump's collector, writing LZ4 files.
    Nfcapd,
    /// The whole program with so many clients of the live stream.
    Meridian(usize),
}

/// What became of what was sent.
pub struct Account {
    /// Flow records decoded; for the bare loop, those in the datagrams received.
    pub flows: u64,
    /// Datagrams dropped by the kernel.
    pub kernel_drops: u64,
    /// Flow records that the live feed took, and those that found no room on the way there.
    pub live: Option<(u64, u64)>,
    /// CPU time of the process, and of the thread that receives.
    pub cpu: Duration,
    pub receiving_cpu: Duration,
    /// Most memory it held, in KiB.
    pub peak_kib: u64,
}

/// A receiver under way.
pub struct Receiver {
    kind: Kind,
    process: Running,
    pub target: SocketAddr,
    folder: TempDir,
}

enum Running {
    Child(Child),
    Program(Program, Option<Child>),
}

impl Receiver {
    /// Starts it and waits until it listens.
    pub fn start(kind: Kind) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let target = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let (process, target) = match kind {
            Kind::Bare | Kind::Decoding => {
                let mut command = Command::new(std::env::current_exe()?);
                let is_decoding = kind == Kind::Decoding;
                command.args(["--receive", &target.to_string(), &is_decoding.to_string()]);
                command.stdin(Stdio::piped()).stdout(Stdio::piped());
                (Running::Child(command.spawn()?), target)
            }
            Kind::Nfcapd => {
                let mut command = Command::new("nfcapd");
                command.args(["-b", "127.0.0.1", "-p", &target.port().to_string(), "-y"]);
                command.args(["-B", &BUFFER_BYTES.to_string(), "-t", "3600", "-w"]).arg(folder.path());
                command.stdout(Stdio::null()).stderr(Stdio::null());
                (Running::Child(command.spawn()?), target)
            }
            Kind::Meridian(clients) => {
                let configuration = format!("[listen]\nworkers = 1\nreceive_buffer_bytes = {BUFFER_BYTES}\n");
                let program = Program::start(folder.path(), &configuration)?;
                let target = program.udp;
                let watching = if clients > 0 { Some(connect(&program, clients)?) } else { None };
                (Running::Program(program, watching), target)
            }
        };
        let began = Instant::now();
        while Socket::find(target)?.is_none() {
            if began.elapsed() > DRAINING {
                return Err("the receiver does not listen".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { kind, process, target, folder })
    }

    fn id(&self) -> u32 {
        match &self.process {
            Running::Child(child) => child.id(),
            Running::Program(program, _) => program.process.id(),
        }
    }

    /// The receive buffer that the kernel granted, in bytes, where `ss` tells.
    pub fn granted_bytes(&self) -> String {
        let port = format!(":{}", self.target.port());
        let Ok(output) = Command::new("ss").args(["-uamn", "sport", "=", &port]).output() else {
            return "?".to_owned();
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_once(",rb").and_then(|(_, rest)| rest.split(',').next()).unwrap_or("?").to_owned()
    }

    /// CPU time so far: of all threads, and of those that receive.
    pub fn cpu(&self) -> Outcome<(Duration, Duration)> {
        let (mut all, mut receiving) = (Duration::ZERO, Duration::ZERO);
        for task in fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let task = task?.path();
            let (Ok(name), Ok(times)) =
                (fs::read_to_string(task.join("comm")), fs::read_to_string(task.join("schedstat")))
            else {
                continue;
            };
            let on_cpu_ns = times.split_whitespace().next().ok_or("no times")?.parse()?;
            let on_cpu = Duration::from_nanos(on_cpu_ns);
            all += on_cpu;
            if self.kind == Kind::Nfcapd || name.starts_with("collector-") || name.starts_with("receive") {
                receiving += on_cpu;
            }
        }
        Ok((all, receiving))
    }

    /// Waits until all that was sent has been taken or dropped, and asks what became of it.
    pub fn account(mut self, sent: Sent, before: (Duration, Duration)) -> Outcome<Account> {
        let began = Instant::now();
        while Socket::find(self.target)?.is_some_and(|socket| socket.waiting_bytes > 0) {
            if began.elapsed() > DRAINING {
                return Err("the receiver does not take what it holds".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        let mut live = None;
        let mut flows = 0;
        if let Running::Program(program, _) = &self.process {
            // What is counted is published a tenth of a second later, and the live feed is behind.
            loop {
                let metrics = program.metrics()?;
                let counted = |name: &str| metrics.counter(&format!("meridian_{name}_total"));
                flows = counted("flows");
                live = Some((counted("live_flows"), counted("live_dropped")));
                let drops = Socket::find(self.target)?.map_or(0, |socket| socket.drops);
                let is_complete = counted("datagrams_received") + drops == sent.datagrams
                    && flows == counted("live_flows") + counted("live_dropped");
                if is_complete || began.elapsed() > DRAINING {
                    break;
                }
                thread::sleep(Duration::from_millis(50));
            }
        } else {
            thread::sleep(Duration::from_millis(500));
        }
        let kernel_drops = Socket::find(self.target)?.ok_or("the receiver has ended")?.drops;
        let (all, receiving) = self.cpu()?;
        let peak_kib = peak_kib(self.id())?;
        match self.process {
            Running::Child(ref mut child) => {
                if matches!(self.kind, Kind::Bare | Kind::Decoding) {
                    drop(child.stdin.take());
                    let mut text = String::new();
                    child.stdout.take().ok_or("no output")?.read_to_string(&mut text)?;
                    flows = text.trim().parse()?;
                } else {
                    Command::new("kill").arg(child.id().to_string()).status()?;
                }
                child.wait()?;
                if self.kind == Kind::Nfcapd {
                    flows = flows_in_files(self.folder.path())?;
                }
            }
            Running::Program(program, watching) => {
                program.stop()?;
                if let Some(mut watching) = watching {
                    watching.wait()?;
                }
            }
        }
        let (cpu, receiving_cpu) = (all.saturating_sub(before.0), receiving.saturating_sub(before.1));
        Ok(Account { flows, kernel_drops, live, cpu, receiving_cpu, peak_kib })
    }
}

/// True where nfdump's programs are installed.
pub fn has_nfcapd() -> bool {
    ["nfcapd", "nfdump"].iter().all(|name| Command::new(name).arg("-V").output().is_ok())
}

/// The process of a loop: receives until its input ends, and prints how many flows: decoded, or in the datagrams.
pub fn receive(address: SocketAddr, is_decoding: bool) -> Outcome<()> {
    let socket = socket::open(address, BUFFER_BYTES)?;
    let stop = Arc::new(AtomicBool::new(false));
    let is_stopping = Arc::clone(&stop);
    let receiving =
        thread::Builder::new().name("receive".to_owned()).spawn(move || -> std::io::Result<u64> {
            let mut batch = ReceiveBatch::default();
            let mut readable = Vec::new();
            let mut datagrams = 0;
            let mut intake = Intake::new(Limits::default(), Arc::default());
            let mut flows = Vec::new();
            while !is_stopping.load(Ordering::Relaxed) {
                socket::wait(&[socket.as_raw_fd()], Some(Duration::from_millis(100)), &mut readable)?;
                loop {
                    let count = batch.receive(&socket)?;
                    datagrams += count as u64;
                    if is_decoding {
                        for (source, received_us, payload) in batch.datagrams() {
                            intake.datagram(source, received_us, payload, &mut flows);
                        }
                        black_box(&flows);
                        flows.clear();
                    }
                    if count < socket::BATCH {
                        break;
                    }
                }
            }
            Ok(if is_decoding { intake.counters().traffic.flows } else { datagrams * RECORDS })
        })?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    stop.store(true, Ordering::Relaxed);
    let flows = receiving.join().map_err(|_| "the loop panicked")??;
    println!("{flows}");
    Ok(())
}

/// Starts clients, and waits until all are connected.
fn connect(program: &Program, clients: usize) -> Outcome<Child> {
    let mut watching = Command::new(std::env::current_exe()?)
        .args(["--clients", &program.http.to_string(), &clients.to_string(), "1"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let mut output = BufReader::new(watching.stdout.take().ok_or("the clients have no output")?);
    output.read_line(&mut line)?;
    // Kept open: they print once more at their end.
    watching.stdout = Some(output.into_inner());
    Ok(watching)
}

/// A UDP socket as the kernel lists it.
struct Socket {
    waiting_bytes: u64,
    drops: u64,
}

impl Socket {
    fn find(address: SocketAddr) -> Outcome<Option<Self>> {
        let port = format!(":{:04X}", address.port());
        let table = fs::read_to_string("/proc/net/udp")?;
        let Some(fields) =
            table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|fields| {
                let is_local = fields.get(1).is_some_and(|local| local.ends_with(&port));
                // The generator's sockets are connected.
                is_local && fields.get(2).is_some_and(|remote| *remote == "00000000:0000")
            })
        else {
            return Ok(None);
        };
        let queues = fields.get(4).and_then(|queues| queues.split_once(':')).ok_or("no queues")?;
        let drops = fields.last().ok_or("no drops")?.parse()?;
        Ok(Some(Self { waiting_bytes: u64::from_str_radix(queues.1, 16)?, drops }))
    }
}

fn peak_kib(id: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak")?;
    Ok(line.split_whitespace().next().ok_or("no peak")?.parse()?)
}

fn flows_in_files(folder: &Path) -> Outcome<u64> {
    let output = Command::new("nfdump").arg("-R").arg(folder).arg("-I").output()?;
    let text = String::from_utf8(output.stdout)?;
    let flows = text.lines().find_map(|line| line.strip_prefix("Flows:"));
    Ok(flows.ok_or("nfdump does not tell the flows")?.trim().parse()?)
}
