//! The live stream, seen from outside: a real server on a free port, and clients of both encodings.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::http::HeaderMap;
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::{SinkExt, StreamExt};
use meridian::model::flow_record::{FlowRecord, LocatedFlow};
use meridian::model::frame::{
    Frame, JSON_SUBPROTOCOL, Message, POSTCARD_SUBPROTOCOL, Request, Snapshot, SnapshotReason, Subscription,
    Totals,
};
use meridian::model::traffic::Traffic;
use meridian::server::collector::batch::FlowBatch;
use meridian::server::geolocation::{Geolocation, HomeNetworkSetting, Settings};
use meridian::server::live::{Hub, Limits, prepare_connection, upgrade};
use meridian::server::transport::InProcess;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);
/// Small, so that a client that does not read is noticed soon.
const RECEIVE_BUFFER_BYTES: u32 = 4_096;
const SITES: u8 = 12;

/// A server with a hub, and the collector's end of its channel.
struct Server {
    hub: Arc<Hub>,
    address: SocketAddr,
    batches: InProcess,
    geolocation: Arc<Geolocation>,
    cancel: CancellationToken,
    sent: Traffic,
    rounds: u64,
}

impl Server {
    fn start(limits: Limits) -> Self {
        let hub = Hub::new(limits, 0);
        let cancel = CancellationToken::new();
        let (batches, received) = InProcess::channel();
        tokio::spawn(Arc::clone(&hub).run(received, cancel.clone()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let listener = listener.tap_io(|connection| prepare_connection(connection).unwrap());
        let of_route = Arc::clone(&hub);
        let route = get(move |headers: HeaderMap, request: WebSocketUpgrade| async move {
            upgrade(&of_route, None, &["https://noc.example.org".to_owned()], &headers, request, None)
        });
        let router = Router::new().route("/api/v1/stream", route);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { hub, address, batches, geolocation: geolocation(), cancel, sent: Traffic::NONE, rounds: 0 }
    }

    /// Sends flows between the sites, and waits until the hub has counted them.
    async fn send(&mut self, flows: u8) {
        self.rounds += 1;
        let flows: Vec<LocatedFlow> = (0..flows).map(|number| self.flow(number)).collect();
        for flow in &flows {
            self.sent += Traffic::of(&flow.record);
        }
        let now_us = UNIX_EPOCH.elapsed().unwrap().as_micros().try_into().unwrap();
        let batch = FlowBatch {
            oldest_received_us: now_us,
            newest_received_us: now_us,
            geolocation: Arc::clone(&self.geolocation),
            exporters: Arc::from([IpAddr::from([192, 0, 2, 1])]),
            flows: flows.into(),
        };
        self.batches.offer(batch);
        while self.hub.metrics().batches() < self.rounds {
            tokio::task::yield_now().await;
        }
    }

    fn flow(&self, number: u8) -> LocatedFlow {
        self.geolocation.locate(&FlowRecord {
            source_address: IpAddr::from([10, number % SITES, 0, 1]),
            destination_address: if number % 5 == 4 {
                IpAddr::from([198, 51, 100, number])
            } else {
                IpAddr::from([10, number / SITES % SITES, 0, 2])
            },
            source_port: 50_000,
            destination_port: if number.is_multiple_of(2) { 443 } else { 53 },
            protocol: 6,
            bytes: 1_000 + u64::from(number),
            packets: 2,
            ..FlowRecord::default()
        })
    }

    async fn connect(&self, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
        let mut request = format!("ws://{}/api/v1/stream", self.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let (socket, response) = client_async(request, stream).await?;
        let protocol = response.headers().get("sec-websocket-protocol");
        let protocol = protocol.map(|protocol| protocol.to_str().unwrap().to_owned());
        Ok(Client { socket, protocol, totals: Totals::default() })
    }

    async fn json(&self) -> Client {
        self.connect(&[]).await.unwrap()
    }

    async fn page(&self) -> Client {
        self.connect(&[("sec-websocket-protocol", POSTCARD_SUBPROTOCOL)]).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Home networks at places of their own, so that flows between them can be drawn.
fn geolocation() -> Arc<Geolocation> {
    let site = |number: u8| HomeNetworkSetting {
        name: format!("Site {number}"),
        networks: vec![format!("10.{number}.0.0/16").parse().unwrap()],
        latitude: Some(f32::from(number)),
        longitude: Some(f32::from(number)),
        place: None,
    };
    let home_networks = (0..SITES).map(site).collect();
    Arc::new(Geolocation::without_databases(&Settings { home_networks, ..Settings::default() }))
}

/// A client that adds up what it gets.
struct Client {
    socket: WebSocketStream<TcpStream>,
    protocol: Option<String>,
    totals: Totals,
}

impl Client {
    async fn next_raw(&mut self) -> Option<tungstenite::Message> {
        timeout(PATIENCE, self.socket.next()).await.expect("nothing came in time").map(Result::unwrap)
    }

    /// The next message, pings left out.
    async fn next(&mut self) -> Message {
        loop {
            let message = match self.next_raw().await.expect("the stream ended") {
                tungstenite::Message::Text(text) => serde_json::from_str(&text).unwrap(),
                tungstenite::Message::Binary(bytes) => postcard::from_bytes(&bytes).unwrap(),
                tungstenite::Message::Ping(_) => continue,
                other => panic!("{other:?}"),
            };
            match &message {
                Message::Snapshot(snapshot) => self.totals = snapshot.totals,
                Message::Frame(frame) => {
                    assert_lawful(frame);
                    self.totals += frame.passed;
                }
                Message::Second(_) | Message::Refusal(_) | Message::Moment(_) => {}
            }
            return message;
        }
    }

    async fn snapshot(&mut self) -> Snapshot {
        loop {
            if let Message::Snapshot(snapshot) = self.next().await {
                return *snapshot;
            }
        }
    }

    async fn frame(&mut self) -> Frame {
        loop {
            if let Message::Frame(frame) = self.next().await {
                return frame;
            }
        }
    }

    /// Reads until the totals are these.
    async fn until(&mut self, flows: u64) {
        while self.totals.all.flows < flows {
            self.next().await;
        }
    }

    async fn say(&mut self, request: &Request) {
        let message = if self.protocol.as_deref() == Some(POSTCARD_SUBPROTOCOL) {
            tungstenite::Message::binary(postcard::to_allocvec(request).unwrap())
        } else {
            tungstenite::Message::text(serde_json::to_string(request).unwrap())
        };
        self.socket.send(message).await.unwrap();
    }

    async fn subscribe(&mut self, filter: &str) {
        let filter = filter.to_owned();
        self.say(&Request::Subscribe(Subscription { filter, ..Subscription::default() })).await;
    }
}

fn assert_lawful(frame: &Frame) {
    let arcs = frame.arcs.iter().fold(Traffic::NONE, |sum, arc| sum + arc.traffic);
    assert_eq!(arcs + frame.passed.not_drawn + frame.passed.unlocated, frame.passed.all);
}

async fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let waiting = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "waited in vain until {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_connects_without_a_word_gets_everything_as_json() {
    let mut server = Server::start(Limits::default());
    server.send(7).await;
    let mut client = server.json().await;
    assert_eq!(client.protocol, None);
    let snapshot = client.snapshot().await;
    assert_eq!((snapshot.reason, snapshot.totals.all.flows), (SnapshotReason::Subscribed, 7));
    assert_eq!(snapshot.flows.len(), 7);
    for flows in 1..60 {
        server.send(flows).await;
    }
    client.until(server.sent.flows).await;
    assert_eq!(client.totals.all, server.sent);
    assert_eq!(client.totals, server.hub.snapshot().totals);
    assert!(client.totals.unlocated.flows > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_speaks_postcard_and_gets_what_its_filter_lets_pass() {
    let mut server = Server::start(Limits::default());
    let offered = format!("unheard.of, {JSON_SUBPROTOCOL}, {POSTCARD_SUBPROTOCOL}");
    let mut page = server.connect(&[("sec-websocket-protocol", &offered)]).await.unwrap();
    assert_eq!(page.protocol.as_deref(), Some(POSTCARD_SUBPROTOCOL));
    page.subscribe("dst.port = 443 and src.net = 10.0.0.0/8").await;
    assert_eq!(page.snapshot().await.totals, Totals::default());
    server.send(100).await;
    let frame = page.frame().await;
    assert_eq!(frame.passed.all.flows, 50);
    assert!(frame.flows.iter().all(|row| row.destination_port == 443));
    assert!(frame.places.iter().any(|place| place.city == "Site 4"));
    assert!(frame.oldest_received_us > 0);

    page.subscribe("").await;
    assert_eq!(page.snapshot().await.totals.all, server.sent, "all flows count since the start");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_is_refused_with_a_sentence() {
    let server = Server::start(Limits::default());
    let own = format!("http://{}", server.address);
    assert!(server.connect(&[("origin", &own)]).await.is_ok());
    assert!(server.connect(&[("origin", "https://noc.example.org")]).await.is_ok());
    let Err(Error::Http(response)) = server.connect(&[("origin", "http://evil.example")]).await else {
        panic!("not refused")
    };
    assert_eq!(response.status(), 403);
    let body = response.into_body().unwrap_or_default();
    assert!(String::from_utf8_lossy(&body).contains("has to be allowed"));
    assert_eq!(server.hub.metrics().refused_origin(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_request_is_refused_at_its_character_and_the_stream_goes_on() {
    let mut server = Server::start(Limits::default());
    let mut client = server.json().await;
    client.snapshot().await;
    for (text, position, hint) in [
        (r#"{"subscribe": {"filter": "port = 443 and contry = DE"}}"#, Some(15), "write country"),
        (r#"{"subscribe": {"arcs_per_second": 100000}}"#, None, "0 to 5000"),
        (r#"{"subscribe": {"budget": 1}}"#, None, "arcs_per_second"),
        ("hello", None, "\"pause\""),
    ] {
        client.socket.send(tungstenite::Message::text(text)).await.unwrap();
        let refusal = loop {
            if let Message::Refusal(refusal) = client.next().await {
                break refusal;
            }
        };
        assert_eq!(refusal.position, position, "{refusal:?}");
        assert!(refusal.message.contains(hint), "{refusal:?}");
    }
    server.send(9).await;
    client.until(9).await;
    assert_eq!(server.hub.metrics().refused_requests(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_changes_its_filter_again_and_again_although_all_views_are_in_use() {
    let mut server = Server::start(Limits { views: 2, ..Limits::default() });
    let mut client = server.page().await;
    for port in [443, 53, 443, 80, 53] {
        client.subscribe(&format!("dst.port = {port}")).await;
        client.snapshot().await;
    }
    let mut other = server.page().await;
    other.subscribe("dst.port = 80").await;
    assert!(matches!(other.next().await, Message::Refusal(_)));
    server.send(10).await;
    client.until(5).await;
    assert!(server.hub.is_running());
    assert_eq!(server.hub.metrics().flows(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_holds_the_frames_back_and_one_frame_makes_up_for_it() {
    let mut server = Server::start(Limits::default());
    let mut client = server.page().await;
    client.subscribe("").await;
    client.snapshot().await;
    client.say(&Request::Pause).await;
    // An answer to a later request says that the pause has begun.
    client.socket.send(tungstenite::Message::binary(vec![9_u8])).await.unwrap();
    while !matches!(client.next().await, Message::Refusal(_)) {}
    for _ in 0..20 {
        server.send(10).await;
    }
    let second = loop {
        match client.next().await {
            Message::Second(second) if second.totals.all == server.sent => break second,
            Message::Second(_) => {}
            other => panic!("{other:?} while paused"),
        }
    };
    assert_eq!(client.totals, Totals::default());
    client.say(&Request::Resume).await;
    client.frame().await;
    assert_eq!(client.totals, second.totals);

    client.say(&Request::Pause).await;
    client.subscribe("port = 443").await;
    client.snapshot().await;
    server.send(10).await;
    client.say(&Request::Resume).await;
    assert_eq!(client.frame().await.passed.all.flows, 5, "a pause outlasts a new subscription");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_frames_are_spaced_out_and_nothing_is_lost() {
    let mut server = Server::start(Limits { frames_per_second: 10, ..Limits::default() });
    let mut client = server.json().await;
    client.snapshot().await;
    for _ in 0..50 {
        server.send(10).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    client.until(server.sent.flows).await;
    assert_eq!(client.totals, server.hub.snapshot().totals);
    let metrics = server.hub.metrics();
    assert_eq!(metrics.spacing_us(), 100_000);
    assert!(metrics.frames() < 25, "{} frames", metrics.frames());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_skipped_to_a_snapshot_and_its_totals_are_exact() {
    let mut server = Server::start(Limits::default());
    let mut slow = server.page().await;
    slow.subscribe("").await;
    slow.snapshot().await;
    for _ in 0..3_000 {
        server.send(60).await;
    }
    let snapshot = slow.snapshot().await;
    assert_eq!(snapshot.reason, SnapshotReason::Skipped);
    assert_eq!(snapshot.second.times_skipped, 1);
    slow.until(server.sent.flows).await;
    assert_eq!(slow.totals, server.hub.snapshot().totals);
    assert_eq!(slow.totals.all, server.sent);
    assert_eq!(server.hub.metrics().snapshots(SnapshotReason::Skipped), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_is_given_up_and_does_not_hold_up_others() {
    let mut server = Server::start(Limits { write_timeout: Duration::from_millis(300), ..Limits::default() });
    let _stuck = server.json().await;
    let mut other = server.json().await;
    other.snapshot().await;
    for _ in 0..200 {
        server.send(60).await;
        other.until(server.sent.flows).await;
    }
    wait_until("the stuck client is given up", || server.hub.metrics().stalled() == 1).await;
    wait_until("only one client is left", || server.hub.metrics().clients() == 1).await;
    assert_eq!(other.totals.all, server.sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_answers_no_ping_is_given_up() {
    let server = Server::start(Limits { ping_interval: Duration::from_millis(50), ..Limits::default() });
    let _silent = server.json().await;
    wait_until("the silent client is given up", || server.hub.metrics().silent() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_too_many_is_told_to_come_back() {
    let server = Server::start(Limits { clients: 1, ..Limits::default() });
    let first = server.json().await;
    let Err(Error::Http(response)) = server.connect(&[]).await else { panic!("not refused") };
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    drop(first);
    wait_until("the seat is free", || server.hub.metrics().clients() == 0).await;
    server.json().await.snapshot().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_too_long_ends_that_stream_only() {
    let mut server = Server::start(Limits::default());
    let (mut bad, mut good) = (server.json().await, server.json().await);
    bad.snapshot().await;
    good.snapshot().await;
    let long = format!("{{\"subscribe\": {{\"filter\": \"{}\"}}}}", " ".repeat(70_000));
    let _ = bad.socket.send(tungstenite::Message::text(long)).await;
    wait_until("the bad client is gone", || server.hub.metrics().clients() == 1).await;
    server.send(3).await;
    good.until(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stream_outlives_the_collector() {
    let mut server = Server::start(Limits::default());
    server.send(5).await;
    (server.batches, _) = InProcess::channel();
    let mut client = server.json().await;
    assert_eq!(client.snapshot().await.totals.all, server.sent);
    while !matches!(client.next().await, Message::Second(_)) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_says_so() {
    let server = Server::start(Limits::default());
    let mut client = server.json().await;
    client.snapshot().await;
    server.cancel.cancel();
    let close = loop {
        match client.next_raw().await {
            Some(tungstenite::Message::Close(Some(close))) => break close,
            Some(_) => {}
            None => panic!("no close frame"),
        }
    };
    assert_eq!(close.code, CloseCode::Away);
    assert!(timeout(PATIENCE, server.hub.drained()).await.is_ok());
}
