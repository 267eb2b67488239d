//! How long a flow takes from its datagram to the clients' sockets, in the whole program, and what clients cost.
//!
//! `make bench`, or `cargo bench --features ssr --bench latency`. Each scenario starts the real program with the databases
//! of `data/geolocation`, if they are there, and sends NetFlow v9 over loopback; all clients run in another
//! process. Printed are the median and the 99th percentile from the kernel's receive time of a frame's oldest
//! datagram to the end of its write (the program's own histogram) and to the decoded frame (at the clients), the
//! flows sent and lost on the way to the live feed, and the program's CPU in percent of one core.

mod clients;
mod program;

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::FlowRecord;
use meridian::server::wire::encode::Exporter;

use self::clients::{now_us, watch};
use self::program::{Metrics, Outcome, Program};

const FLOWS_IN_A_DATAGRAM: u64 = 20;
const DURATION: Duration = Duration::from_secs(8);

/// Clients, distinct filters among them, and flows per second.
const SCENARIOS: [(usize, usize, u64); 7] = [
    (10, 1, 1_000),
    (10, 1, 10_000),
    (10, 10, 10_000),
    (100, 1, 10_000),
    (1_000, 1, 1_000),
    (1_000, 1, 10_000),
    (0, 1, 10_000),
];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some([_, address, clients, filters]) =
        arguments.iter().position(|argument| argument == "--clients").and_then(|at| arguments.get(at..at + 4))
    {
        let runtime = tokio::runtime::Runtime::new()?;
        return runtime.block_on(watch(address.parse()?, clients.parse()?, filters.parse()?));
    }
    println!(
        "clients  filters  flows/s | server p50 µs    p99 µs | client p50 µs    p99 µs | frames/s  sent  lost  CPU %"
    );
    for (clients, filters, flows_per_second) in SCENARIOS {
        measure(clients, filters, flows_per_second)?;
    }
    Ok(())
}

/// Runs one scenario and prints its line.
fn measure(clients: usize, filters: usize, flows_per_second: u64) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let program = Program::start(folder.path(), "")?;
    let mut watching = Command::new(std::env::current_exe()?)
        .args(["--clients", &program.http.to_string(), &clients.to_string(), &filters.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = BufReader::new(watching.stdout.take().ok_or("the clients have no output")?);
    let mut line = String::new();
    output.read_line(&mut line)?;

    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(program.udp)?;
    let mut exporter = Exporter::new(Protocol::NetflowV9, 1);
    let interval = Duration::from_micros(1_000_000 * FLOWS_IN_A_DATAGRAM / flows_per_second);
    let (cpu_before_ms, began) = (cpu_ms(&program)?, Instant::now());
    let (mut number, mut sent) = (0, 0);
    while began.elapsed() < DURATION {
        let flows = flows(number);
        for datagram in exporter.datagrams(&flows, now_us() / 1_000, milliseconds(began.elapsed())) {
            socket.send(&datagram)?;
        }
        sent += FLOWS_IN_A_DATAGRAM;
        number += 1;
        let due = interval.saturating_mul(u32::try_from(number)?);
        thread::sleep(due.saturating_sub(began.elapsed()));
    }
    let (cpu_ms, elapsed_ms) = (cpu_ms(&program)? - cpu_before_ms, u64::from(milliseconds(began.elapsed())));
    thread::sleep(Duration::from_millis(500));
    let metrics = program.metrics()?;
    program.stop()?;
    line.clear();
    output.read_line(&mut line)?;
    watching.wait()?;
    let (p50, p99) = quantiles(&metrics);
    println!(
        "{clients:>7}  {filters:>7}  {flows_per_second:>7} | {p50:>13} {p99:>9} | {:>23} | {:>8}  {sent:>5}  {:>4}  {:>5}",
        line.trim_end(),
        metrics.counter("meridian_live_frames_total") * 1_000 / elapsed_ms,
        sent.saturating_sub(metrics.counter("meridian_live_flows_total")),
        100 * cpu_ms / elapsed_ms,
    );
    Ok(())
}

/// The flows of one datagram: between a home network and addresses all over the world.
fn flows(number: u64) -> Vec<FlowRecord> {
    let mut state = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..FLOWS_IN_A_DATAGRAM)
        .map(|_| {
            let [first, second, third, host, low, high, bytes, port] = random();
            FlowRecord {
                source_address: IpAddr::from([192, 168, 0, host]),
                destination_address: IpAddr::from([first | 1, second, third, host]),
                source_port: u16::from_le_bytes([low, high | 0x80]),
                destination_port: if port < 128 { 443 } else { u16::from(port) },
                protocol: 6,
                bytes: u64::from(bytes) * 100,
                packets: 3,
                ..FlowRecord::default()
            }
        })
        .collect()
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX).max(1)
}

/// CPU time so far, user and system (the kernel counts a hundred ticks a second).
fn cpu_ms(program: &Program) -> Outcome<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.process.id()))?;
    let (_, after_name) = stat.rsplit_once(')').ok_or("no process name")?;
    let ticks = |field: usize| -> Outcome<u64> {
        Ok(after_name.split_whitespace().nth(field).ok_or("too few fields")?.parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) * 10)
}

/// Median and 99th percentile in microseconds: upper bounds of their buckets.
fn quantiles(metrics: &Metrics) -> (u64, u64) {
    let buckets: Vec<(f64, u64)> = metrics
        .0
        .lines()
        .filter_map(|line| {
            let (bound, count) =
                line.strip_prefix("meridian_live_latency_seconds_bucket{le=\"")?.split_once("\"} ")?;
            Some((bound.parse().unwrap_or(f64::INFINITY), count.parse().ok()?))
        })
        .collect();
    let total = buckets.last().map_or(0, |bucket| bucket.1);
    let quantile = |percent: u64| {
        let bound =
            buckets.iter().find(|bucket| bucket.1 * 100 >= total * percent).map_or(0.0, |bucket| bucket.0);
        format!("{:.0}", bound * 1e6).parse().unwrap_or(u64::MAX)
    };
    (quantile(50), quantile(99))
}
