//! How long a flow takes through the hub to a client, and what clients cost.
//!
//! `cargo bench --features ssr --bench latency`. For each scenario the hub and the socket server run here,
//! all clients in a second process of this program, over TCP on this machine. Batches of 30 flows (one
//! datagram) arrive evenly. Printed are the median and the 99th percentile from the receive time of a
//! frame's oldest datagram to the end of its write (server) and to the decoded frame (client), and the CPU
//! that the server's process used, in percent of one core.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::http::HeaderMap;
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::{SinkExt, StreamExt};
use meridian::model::flow_record::FlowRecord;
use meridian::model::frame::{Message, POSTCARD_SUBPROTOCOL, Request, Subscription};
use meridian::server::collector::batch::FlowBatch;
use meridian::server::geolocation::{Geolocation, HomeNetworkSetting, Settings};
use meridian::server::live::{Hub, LatencyHistogram, Limits, prepare_connection, upgrade};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_util::sync::CancellationToken;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const FLOWS_IN_A_BATCH: u64 = 30;
const SITES: u8 = 200;
const DURATION: Duration = Duration::from_secs(6);
/// Batches that measure how fast the hub counts.
const BATCHES: u64 = 20_000;

/// Clients, distinct filters among them, and flows per second.
const SCENARIOS: [(usize, usize, u64); 7] = [
    (10, 1, 1_000),
    (10, 1, 10_000),
    (10, 10, 10_000),
    (100, 1, 10_000),
    (1_000, 1, 1_000),
    (1_000, 1, 10_000),
    (1_000, 50, 10_000),
];

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let arguments: Vec<String> = std::env::args().collect();
    if let Some([_, address, clients, filters]) =
        arguments.iter().position(|argument| argument == "--clients").and_then(|at| arguments.get(at..at + 4))
    {
        return runtime.block_on(watch(address.parse()?, clients.parse()?, filters.parse()?));
    }
    println!(
        "flows/s that the hub counts in one view without clients: {}",
        runtime.block_on(count_at_most())?
    );
    println!(
        "clients  filters  flows/s | server p50    p99 µs | client p50    p99 µs | frames/s  spacing ms  \
         CPU %  resident MiB"
    );
    for (clients, filters, flows_per_second) in SCENARIOS {
        runtime.block_on(measure(clients, filters, flows_per_second))?;
    }
    Ok(())
}

/// Runs one scenario and prints its line.
async fn measure(clients: usize, filters: usize, flows_per_second: u64) -> Outcome<()> {
    let hub = Hub::new(Limits::default(), 0);
    let cancel = CancellationToken::new();
    let (sender, received) = mpsc::channel(256);
    let running = tokio::spawn(Arc::clone(&hub).run(received, cancel.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let of_route = Arc::clone(&hub);
    let route = get(move |headers: HeaderMap, request: WebSocketUpgrade| async move {
        upgrade(&of_route, &[], &headers, request)
    });
    let router = Router::new().route("/api/v1/stream", route);
    let listener = listener.tap_io(|connection| {
        if let Err(error) = prepare_connection(connection) {
            eprintln!("cannot prepare a connection: {error}");
        }
    });
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    let mut child = Command::new(std::env::current_exe()?)
        .args(["--clients", &address.to_string(), &clients.to_string(), &filters.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = BufReader::new(child.stdout.take().ok_or("the clients have no output")?);
    let mut line = String::new();
    output.read_line(&mut line)?;

    let geolocation = geolocation()?;
    let interval = Duration::from_micros(1_000_000 * FLOWS_IN_A_BATCH / flows_per_second);
    let (cpu_before_ms, began) = (cpu_ms()?, Instant::now());
    let mut ticks = tokio::time::interval(interval);
    let mut number = 0;
    while began.elapsed() < DURATION {
        ticks.tick().await;
        number += 1;
        sender.send(batch(&geolocation, number)).await?;
    }
    let (cpu_ms, elapsed_ms) = (cpu_ms()? - cpu_before_ms, milliseconds(began.elapsed()));
    let resident_mib = resident_mib()?;
    let metrics = hub.metrics();
    let (frames, spacing_us) = (metrics.frames(), metrics.spacing_us());
    let (p50, p99) = quantiles(metrics.latency());
    cancel.cancel();
    running.await?;
    hub.drained().await;
    serving.abort();
    line.clear();
    output.read_line(&mut line)?;
    child.wait()?;
    println!(
        "{clients:>7}  {filters:>7}  {flows_per_second:>7} | {p50:>10} {p99:>9} | {:>20} | {:>8}  {:>10}  \
         {:>5}  {resident_mib:>12}",
        line.trim_end(),
        frames * 1_000 / elapsed_ms,
        spacing_us / 1_000,
        100 * cpu_ms / elapsed_ms,
    );
    Ok(())
}

/// Flows per second that the counting task takes when it is never idle and nobody watches.
async fn count_at_most() -> Outcome<u64> {
    let hub = Hub::new(Limits::default(), 0);
    let cancel = CancellationToken::new();
    let (sender, received) = mpsc::channel(256);
    let running = tokio::spawn(Arc::clone(&hub).run(received, cancel.clone()));
    let geolocation = geolocation()?;
    let batches: Vec<FlowBatch> = (0..BATCHES).map(|number| batch(&geolocation, number)).collect();
    let began = Instant::now();
    for batch in batches {
        sender.send(batch).await?;
    }
    drop(sender);
    while hub.metrics().batches() < BATCHES {
        tokio::time::sleep(Duration::from_micros(100)).await;
    }
    let rate = BATCHES * FLOWS_IN_A_BATCH * 1_000 / milliseconds(began.elapsed());
    cancel.cancel();
    running.await?;
    Ok(rate)
}

/// The clients' process: connects all, says so, reads until the server stops, prints the latencies.
async fn watch(address: SocketAddr, clients: usize, filters: usize) -> Outcome<()> {
    let latency = Arc::new(LatencyHistogram::default());
    let mut reading = Vec::new();
    for number in 0..clients {
        let mut request = format!("ws://{address}/api/v1/stream").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", POSTCARD_SUBPROTOCOL.parse()?);
        let (mut socket, _) = connect_async(request).await?;
        let filter = match number % filters {
            0 => String::new(),
            other => format!("not port = {other}"),
        };
        let request = Request::Subscribe(Subscription { filter, ..Subscription::default() });
        socket.send(tungstenite::Message::binary(postcard::to_allocvec(&request)?)).await?;
        let latency = Arc::clone(&latency);
        reading.push(tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                let tungstenite::Message::Binary(bytes) = message else { continue };
                if let Ok(Message::Frame(frame)) = postcard::from_bytes(&bytes) {
                    latency.record(now_us() - frame.oldest_received_us);
                }
            }
        }));
    }
    println!("connected");
    for reader in reading {
        reader.await?;
    }
    let (p50, p99) = quantiles(&latency);
    println!("{p50:>10} {p99:>9}");
    Ok(())
}

fn quantiles(latency: &LatencyHistogram) -> (u32, u32) {
    (latency.quantile_us(50).unwrap_or(0), latency.quantile_us(99).unwrap_or(0))
}

fn batch(geolocation: &Arc<Geolocation>, number: u64) -> FlowBatch {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let flows = (0..FLOWS_IN_A_BATCH)
        .map(|_| {
            let [from, to, host, low, high, bytes, port, _] = random();
            geolocation.locate(&FlowRecord {
                source_address: IpAddr::from([10, from % SITES, 0, host]),
                destination_address: IpAddr::from([10, to % SITES, 0, 1]),
                source_port: u16::from_le_bytes([low, high | 0x80]),
                destination_port: if port < 128 { 443 } else { u16::from(port) },
                protocol: 6,
                bytes: u64::from(bytes) * 100,
                packets: 3,
                source_as: u32::from(from),
                destination_as: u32::from(to),
                ..FlowRecord::default()
            })
        })
        .collect();
    let received_us = now_us();
    FlowBatch {
        oldest_received_us: received_us,
        newest_received_us: received_us,
        geolocation: Arc::clone(geolocation),
        exporters: Arc::from([IpAddr::from([192, 0, 2, 1])]),
        flows,
    }
}

fn geolocation() -> Outcome<Arc<Geolocation>> {
    let mut home_networks = Vec::new();
    for number in 0..SITES {
        home_networks.push(HomeNetworkSetting {
            name: format!("Site {number}"),
            networks: vec![format!("10.{number}.0.0/16").parse()?],
            latitude: Some(f32::from(number) / 4.0),
            longitude: Some(f32::from(number) / 2.0),
            place: None,
        });
    }
    Ok(Arc::new(Geolocation::without_databases(&Settings { home_networks, ..Settings::default() })))
}

fn now_us() -> i64 {
    UNIX_EPOCH.elapsed().ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or(0)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// CPU time of this process so far, user and system (the kernel counts a hundred ticks a second).
fn cpu_ms() -> Outcome<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = stat.rsplit_once(')').ok_or("no process name")?;
    let ticks = |field: usize| -> Outcome<u64> {
        Ok(after_name.split_whitespace().nth(field).ok_or("too few fields")?.parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) * 10)
}

/// Memory that this process holds.
fn resident_mib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().next().ok_or("no amount")?.parse::<u64>()? / 1_024)
}
