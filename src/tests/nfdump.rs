//! The same datagrams of real exporters, received by nfdump's collectors and by Meridian: the same totals.
//!
//! softflowd and pmacct read a capture written here and export it over loopback; a tee hands each datagram to both
//! collectors. Without these programs the comparisons are skipped, each with a line that says so.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start its programs has failed")]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use meridian::model::exporter::Protocol;
use meridian::model::traffic::Traffic;
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::collector::listener::Listener;
use meridian::server::collector::running::Collector;
use meridian::server::collector::socket;
use meridian::server::collector::steering::Steering;
use meridian::server::geolocation::{Current, Geolocation, Settings};
use meridian::server::transport::InProcess;
use tempfile::TempDir;

mod support {
    pub mod frames;
    pub mod pcap_file;
}

use support::frames::{UDP, ethernet, ip, udp};
use support::pcap_file::{ETHERNET, Layout, pcap};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const ICMP_V6: u8 = 58;
/// When the captured traffic began, microseconds since 1970.
const BEGIN_US: i64 = 1_795_000_000_000_000;
/// How long a program may take for one step.
const PATIENCE: Duration = Duration::from_secs(30);

/// As exported, not scaled by sampling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    flows: u64,
    bytes: u64,
    packets: u64,
}

impl std::ops::Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            flows: self.flows + other.flows,
            bytes: self.bytes + other.bytes,
            packets: self.packets + other.packets,
        }
    }
}

impl From<Traffic> for Totals {
    fn from(traffic: Traffic) -> Self {
        Self { flows: traffic.flows, bytes: traffic.bytes, packets: traffic.packets }
    }
}

/// Conversations of 360 flows over TCP, UDP and ICMP, IPv4 and IPv6, and what they add up to by family.
fn traffic() -> (Vec<(i64, Vec<u8>)>, [Totals; 2]) {
    let mut frames = Vec::new();
    let mut truth = [Totals::default(); 2];
    for number in 0..180_u16 {
        let is_v6 = number % 4 == 3;
        let [client, server]: [IpAddr; 2] = if is_v6 {
            [1, 2].map(|net| Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, number + 1).into())
        } else {
            let host = u8::try_from(number + 1).unwrap();
            [[10, 1, 0, host], [198, 51, 100, host]].map(|octets| Ipv4Addr::from(octets).into())
        };
        let (protocol, port) = match number % 9 {
            0..4 => (TCP, 443),
            4..8 => (UDP, 53),
            _ => (if is_v6 { ICMP_V6 } else { ICMP }, 0),
        };
        for is_reply in [false, true] {
            let (source, destination) = if is_reply { (server, client) } else { (client, server) };
            let ports = if is_reply { [port, 20_000 + number] } else { [20_000 + number, port] };
            let count = number % 5 + 1 + u16::from(is_reply);
            let mut sum = Totals { flows: 1, bytes: 0, packets: count.into() };
            for packet in 0..count {
                // No frame needs padding: softflowd counts that as bytes of IP.
                let content = vec![0x5a; usize::from(number * 3 + packet * 7 + 40)];
                let segment = match protocol {
                    TCP => tcp(ports, packet == 0, is_reply, &content),
                    UDP => udp(ports[0], ports[1], &content),
                    _ => [&icmp(is_v6, is_reply)[..], &content].concat(),
                };
                let packet = ip(protocol, source, destination, &segment);
                sum.bytes += packet.len() as u64;
                let time_us = BEGIN_US + i64::try_from(frames.len()).unwrap() * 1000;
                frames.push((time_us, ethernet(&[], &packet)));
            }
            let family = usize::from(is_v6);
            truth[family] = truth[family] + sum;
        }
    }
    (frames, truth)
}

fn tcp(ports: [u16; 2], is_first: bool, is_reply: bool, content: &[u8]) -> Vec<u8> {
    let flags = match (is_first, is_reply) {
        (true, false) => 0x02,
        (true, true) => 0x12,
        (false, _) => 0x18,
    };
    let mut segment = ports.iter().flat_map(|port| port.to_be_bytes()).collect::<Vec<u8>>();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(content);
    segment
}

/// Echo request or reply.
fn icmp(is_v6: bool, is_reply: bool) -> [u8; 8] {
    let kind = match (is_v6, is_reply) {
        (false, false) => 8,
        (false, true) => 0,
        (true, false) => 128,
        (true, true) => 129,
    };
    [kind, 0, 0, 0, 0, 1, 0, 1]
}

/// A program of this name, or a line that the comparison is skipped for want of it.
fn found(names: &[&str]) -> Option<Vec<PathBuf>> {
    let folders: Vec<PathBuf> = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .chain(["/usr/sbin".into(), "/usr/bin".into()])
        .collect();
    let programs = names.iter().map(|name| {
        let program = folders.iter().map(|folder| folder.join(name)).find(|path| path.exists());
        if program.is_none() {
            // Not `eprintln`: the harness would swallow it.
            let skipped = format!("\nSKIPPED: the comparison with {}: {name} is missing\n", names.join(", "));
            std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        }
        program
    });
    programs.collect()
}

/// Waits for a state with a bound.
fn until(what: &str, mut is_reached: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_reached() {
        assert!(started.elapsed() < PATIENCE, "still waiting for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A child process that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// nfcapd or sfcapd with a folder of its own.
struct Capd {
    process: Running,
    address: SocketAddr,
    folder: TempDir,
}

impl Capd {
    fn start(program: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Command::new(program)
            .args(["-b", "127.0.0.1", "-t", "3600", "-p"])
            .arg(address.port().to_string())
            .arg("-w")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let capd = Self { process: Running(process), address, folder };
        until("nfdump's collector to listen", || waiting_bytes(address).is_some());
        capd
    }

    /// Ends it when it has read all, and answers what it has written.
    fn totals(mut self, nfdump: &Path) -> Totals {
        until("nfdump's collector to read all", || waiting_bytes(self.address) == Some(0));
        let pid = self.process.0.id().to_string();
        assert!(Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().unwrap().success());
        let mut child = None;
        until("nfdump's collector to end", || {
            child = self.process.0.try_wait().unwrap();
            child.is_some()
        });
        let output = Command::new(nfdump).arg("-R").arg(self.folder.path()).arg("-I").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {name} in:\n{text}"))
        };
        Totals { flows: number("Flows"), bytes: number("Bytes"), packets: number("Packets") }
    }
}

/// Bytes in the socket at an address that were not read; `None` while there is none.
fn waiting_bytes(address: SocketAddr) -> Option<u64> {
    let port = format!(":{:04X}", address.port());
    let sockets = std::fs::read_to_string("/proc/net/udp").unwrap();
    let socket = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let socket = socket.into_iter().find(|fields| fields.get(1).is_some_and(|own| own.ends_with(&port)))?;
    u64::from_str_radix(socket.get(4)?.split(':').nth(1)?, 16).ok()
}

/// Well below what a socket has room for unless it asks for more.
const MOST_WAITING_BYTES: u64 = 64 << 10;

/// Hands every datagram it gets to two addresses, as fast as they read: what is compared is what they make of the same.
struct Tee {
    address: SocketAddr,
    datagrams: Arc<AtomicU64>,
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tee {
    fn start(targets: [SocketAddr; 2]) -> Self {
        // With room for all that an exporter sends while this thread waits for a processor.
        let socket = socket::open(SocketAddr::from(([127, 0, 0, 1], 0)), 4 << 20).unwrap();
        socket.set_nonblocking(false).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let address = socket.local_addr().unwrap();
        let (datagrams, is_stopping) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stop) = (Arc::clone(&datagrams), Arc::clone(&is_stopping));
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while !stop.load(Ordering::Acquire) {
                match socket.recv(&mut buffer) {
                    Ok(length) => {
                        for target in targets {
                            until("a collector to have room", || {
                                waiting_bytes(target).is_some_and(|bytes| bytes < MOST_WAITING_BYTES)
                            });
                            socket.send_to(&buffer[..length], target).unwrap();
                        }
                        count.fetch_add(1, Ordering::AcqRel);
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(error) => panic!("the tee: {error}"),
                }
            }
        });
        Self { address, datagrams, is_stopping, thread: Some(thread) }
    }
}

impl Drop for Tee {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// What nfdump's collector and Meridian make of what an exporter sends to the address it is told.
fn compared(capd: &Path, nfdump: &Path, export: impl FnOnce(SocketAddr)) -> (Totals, Totals, Vec<Protocol>) {
    let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), 4 << 20).unwrap();
    let address = listener.address();
    let settings = Settings { databases: Vec::new(), home_networks: Vec::new(), home: None };
    let geolocation = Arc::new(Current::new(Geolocation::without_databases(&settings)));
    let (live, _batches) = InProcess::channel();
    let intake = Intake::new(Limits::default(), Arc::default());
    let collector =
        Collector::start(vec![listener], &Steering::default(), vec![intake], &geolocation, &live, None)
            .unwrap();
    let capd = Capd::start(capd);
    let tee = Tee::start([capd.address, address]);

    export(tee.address);

    // The exporter has ended: what it sent is in the tee's socket or past it.
    let mut latest = (0, Instant::now());
    until("the tee to pass on all datagrams", || {
        let count = tee.datagrams.load(Ordering::Acquire);
        if count != latest.0 {
            latest = (count, Instant::now());
        }
        count > 0 && latest.1.elapsed() > Duration::from_millis(200)
    });
    let sent = tee.datagrams.load(Ordering::Acquire);
    until("Meridian to count all datagrams", || collector.report().counters.datagrams == sent);
    let theirs = capd.totals(nfdump);
    collector.stop();
    let report = collector.report();
    let undecodable: u64 = report.counters.undecodable_sets.iter().sum();
    assert_eq!((undecodable, report.counters.sets_waiting), (0, 0));
    assert_eq!((report.counters.missing_records, report.counters.missing_datagrams), (0, 0));
    let protocols = collector.exporters().iter().flat_map(|one| one.summary().protocols.clone()).collect();
    (theirs, report.counters.traffic.into(), protocols)
}

/// Processes of a group that have not ended.
fn are_running(group: u32) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|process| {
        // Of processes that end meanwhile there is no file any more.
        let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, of_group) = (fields.next(), fields.nth(1));
        of_group == Some(group.to_string().as_str()) && state != Some("Z")
    })
}

/// Runs a program to its end; what it printed is shown if the test fails. pmacctd's exit code says nothing: its
/// processes end in no certain order, and the one that sends may be the last.
fn run<S: AsRef<OsStr>>(program: &Path, arguments: &[S]) {
    let folder = TempDir::new().unwrap();
    let log = File::create(folder.path().join("log")).unwrap();
    let mut child = Running(
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap(),
    );
    let mut status = None;
    until(&program.display().to_string(), || {
        status = child.0.try_wait().unwrap();
        status.is_some()
    });
    until("all processes of the exporter to end", || !are_running(child.0.id()));
    let printed = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    eprintln!("{}: {status:?}\n{printed}", program.display());
}

fn written(folder: &Path) -> (PathBuf, [Totals; 2]) {
    let (frames, truth) = traffic();
    let capture = folder.join("traffic.pcap");
    let frames = frames.iter().map(|(time_us, frame)| (*time_us, frame.as_slice()));
    std::fs::write(&capture, pcap(Layout::USUAL, ETHERNET, frames)).unwrap();
    (capture, truth)
}

#[test]
fn softflowds_flows_have_the_same_totals_in_nfcapd_and_here_and_are_the_truth() {
    let Some(programs) = found(&["softflowd", "nfcapd", "nfdump"]) else { return };
    let folder = TempDir::new().unwrap();
    let (capture, [v4, v6]) = written(folder.path());
    for (version, protocol, truth) in [
        ("5", Protocol::NetflowV5, v4),
        ("9", Protocol::NetflowV9, v4 + v6),
        ("10", Protocol::Ipfix, v4 + v6),
    ] {
        let (theirs, ours, protocols) = compared(&programs[1], &programs[2], |target| {
            let (capture, target) = (capture.display().to_string(), target.to_string());
            run(&programs[0], &["-r", &capture, "-a", "-v", version, "-n", &target]);
        });
        assert_eq!((ours, theirs), (truth, truth), "{protocol:?}");
        assert_eq!(protocols, [protocol]);
    }
}

/// pmacct's configuration for one plugin that reads a capture.
fn pmacct(folder: &Path, capture: &Path, settings: &[String]) -> PathBuf {
    let file = folder.join("pmacct.conf");
    let text = [&[format!("pcap_savefile: {}", capture.display())], settings].concat().join("\n") + "\n";
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn nfprobes_flows_have_the_same_totals_in_nfcapd_and_here_and_are_the_truth() {
    let Some(programs) = found(&["pmacctd", "nfcapd", "nfdump"]) else { return };
    let folder = TempDir::new().unwrap();
    let (capture, [v4, v6]) = written(folder.path());
    for (version, protocol) in [("9", Protocol::NetflowV9), ("10", Protocol::Ipfix)] {
        let (theirs, ours, protocols) = compared(&programs[1], &programs[2], |target| {
            let settings = [
                "plugins: nfprobe".to_owned(),
                format!("nfprobe_receiver: {target}"),
                format!("nfprobe_version: {version}"),
                "aggregate: src_host,dst_host,src_port,dst_port,proto,tos".to_owned(),
            ];
            let file = pmacct(folder.path(), &capture, &settings);
            run(&programs[0], &[OsStr::new("-f"), file.as_os_str()]);
        });
        assert_eq!(ours, theirs, "{protocol:?}");
        assert_eq!(ours, v4 + v6, "{protocol:?}");
        assert_eq!(protocols, [protocol]);
    }
}

/// What sfcapd adds to the IP bytes of a sample: Ethernet's header and frame check sequence.
const LAYER_2_BYTES: u64 = 18;

/// sfprobe ends before it has sent all samples, so only the two collectors are compared.
#[test]
fn sfprobes_samples_have_the_same_totals_in_sfcapd_and_here() {
    let Some(programs) = found(&["pmacctd", "sfcapd", "nfdump"]) else { return };
    let folder = TempDir::new().unwrap();
    let (capture, _) = written(folder.path());
    let (theirs, ours, protocols) = compared(&programs[1], &programs[2], |target| {
        let settings = [
            "plugins: sfprobe".to_owned(),
            format!("sfprobe_receiver: {target}"),
            "sampling_rate: 1".to_owned(),
        ];
        let file = pmacct(folder.path(), &capture, &settings);
        run(&programs[0], &[OsStr::new("-f"), file.as_os_str()]);
    });
    assert!(theirs.flows > 0);
    let framed = Totals { bytes: ours.bytes + LAYER_2_BYTES * ours.packets, ..ours };
    assert_eq!(framed, theirs);
    assert_eq!(protocols, [Protocol::SflowV5]);
}
