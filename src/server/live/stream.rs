//! The socket at `/api/v1/stream`: one task per client, which writes what is new and listens meanwhile.
//!
//! What a client sends is untrusted: messages are bounded, a request that cannot be read is refused and
//! the stream goes on. A client that neither reads nor answers is given up after a time.

use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{self, CloseFrame, WebSocket, close_code};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::frames::Encoding;
use super::hub::{Hub, Seat, Watching};
use super::origin;
use super::view::{Beat, Taken};
use crate::model::frame::{
    JSON_SUBPROTOCOL, Message, POSTCARD_SUBPROTOCOL, Refusal, Request, SnapshotReason, Subscription,
};
use crate::model::replay::ReplaySubscription;
use crate::server::collector::socket::now_us;
use crate::server::replay::{Replay, Replays};

/// The longest message that a client may send, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 * 1_024;
/// What a connection's read buffer begins with: clients say little.
const READ_BUFFER_BYTES: usize = 4 * 1_024;
/// What may wait unsent in the kernel for one client, in bytes.
const MAX_UNSENT_BYTES: u32 = 32 * 1_024;
/// How long saying good-bye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Answers a request for the stream: opens it, or says why not. `allowed_origins` are origins of other
/// hosts whose pages may connect, such as `https://noc.example.org`. `peer` is the visitor's address, where
/// known: filters are limited for each; give `None` when a proxy speaks for many. Without `replays` there are none.
pub fn upgrade(
    hub: &Arc<Hub>,
    replays: Option<&Arc<Replays>>,
    allowed_origins: &[String],
    headers: &HeaderMap,
    request: WebSocketUpgrade,
    peer: Option<IpAddr>,
) -> Response {
    if !origin::is_allowed(headers, allowed_origins) {
        hub.metrics().refused_origin.add(1);
        let why = "This page comes from another site than this server: its origin has to be allowed in the \
                   configuration before it may open the stream.\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    let Some(seat) = hub.seat(peer) else {
        hub.metrics().refused_full.add(1);
        let why = format!(
            "{} clients are connected already, which is the most this server serves: try again later.\n",
            hub.limits().clients
        );
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], why).into_response();
    };
    let request = request
        .protocols([POSTCARD_SUBPROTOCOL, JSON_SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES);
    let encoding = match request.selected_protocol() {
        Some(protocol) if protocol.as_bytes() == POSTCARD_SUBPROTOCOL.as_bytes() => Encoding::Postcard,
        _ => Encoding::Json,
    };
    let replays = replays.cloned();
    request.on_upgrade(move |socket| serve(seat, replays, encoding, socket))
}

/// Sets up an accepted connection for the stream: small messages leave at once, and only little waits
/// unsent in the kernel, so that a client on a slow line is skipped ahead instead of falling behind by
/// megabytes. Harmless for other requests on the same listener.
pub fn prepare_connection(connection: &TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    SockRef::from(connection).set_tcp_notsent_lowat(MAX_UNSENT_BYTES)
}

/// Why a stream ends.
enum End {
    /// The client went away, or the connection broke.
    Gone,
    /// One message could not be written in time.
    Stalled,
    /// The client did not answer pings.
    Silent,
    /// The process stops.
    Stopping,
    /// A message could not be encoded.
    Failed,
}

/// What a client waits for.
enum Event {
    Moved,
    Second(Arc<Beat>),
}

async fn serve(seat: Seat, replays: Option<Arc<Replays>>, encoding: Encoding, socket: WebSocket) {
    let (sink, incoming) = socket.split();
    let mut client = Client {
        seat,
        replays,
        encoding,
        sink,
        watching: None,
        replay: None,
        ended: None,
        is_paused: false,
        times_skipped: 0,
        requests: 0,
    };
    let end = match client.run(incoming).await {
        Ok(()) => return,
        Err(end) => end,
    };
    let metrics = client.seat.hub().metrics();
    let (code, reason) = match end {
        End::Gone => return,
        End::Stalled => {
            metrics.stalled.add(1);
            return;
        }
        End::Silent => {
            metrics.silent.add(1);
            (close_code::POLICY, "no answer to pings")
        }
        End::Stopping => (close_code::AWAY, "the server stops"),
        End::Failed => (close_code::ERROR, "a message could not be encoded"),
    };
    let goodbye = ws::Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    if timeout(GOODBYE, client.sink.send(goodbye)).await.is_err() {
        tracing::debug!("a client did not take the close frame in time");
    }
}

struct Client {
    seat: Seat,
    replays: Option<Arc<Replays>>,
    encoding: Encoding,
    sink: SplitSink<WebSocket, ws::Message>,
    /// What passes now; `None` while the past is watched.
    watching: Option<Watching>,
    replay: Option<Replay>,
    /// A replay that ended, or could not begin: the next request about a replay begins it there.
    ended: Option<ReplaySubscription>,
    is_paused: bool,
    times_skipped: u64,
    /// Requests that were read.
    requests: u64,
}

impl Client {
    async fn run(&mut self, mut incoming: SplitStream<WebSocket>) -> Result<(), End> {
        let hub = Arc::clone(self.seat.hub());
        let period = hub.limits().ping_interval;
        let mut pings = interval_at(Instant::now() + period, period);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_heard = Instant::now();
        if self.encoding == Encoding::Json {
            self.subscribe(&Subscription::default()).await?;
        }
        loop {
            tokio::select! {
                () = hub.stopping().cancelled() => return Err(End::Stopping),
                message = incoming.next() => {
                    let Some(Ok(message)) = message else { return Err(End::Gone) };
                    last_heard = Instant::now();
                    self.answer(&message).await?;
                }
                message = next_of(&mut self.replay) => self.send_of_replay(message).await?,
                event = next_event(&mut self.watching, self.is_paused) => match event {
                    Event::Moved => self.send_frame(SnapshotReason::Skipped).await?,
                    Event::Second(beat) => {
                        let message = beat.message(self.encoding, self.times_skipped);
                        self.write(message.ok_or(End::Failed)?).await?;
                    }
                },
                _ = pings.tick() => {
                    if last_heard.elapsed() > period * 2 {
                        return Err(End::Silent);
                    }
                    self.write(ws::Message::Ping(Vec::new().into())).await?;
                }
            }
        }
    }

    async fn answer(&mut self, message: &ws::Message) -> Result<(), End> {
        let request = match message {
            ws::Message::Text(text) => serde_json::from_str(text).map_err(|error| error.to_string()),
            ws::Message::Binary(bytes) => postcard::from_bytes(bytes).map_err(|error| error.to_string()),
            ws::Message::Ping(_) | ws::Message::Pong(_) => return Ok(()),
            ws::Message::Close(_) => return Err(End::Gone),
        };
        self.requests += 1;
        match request {
            Ok(Request::Subscribe(subscription)) => self.subscribe(&subscription).await,
            Ok(Request::Pause) => self.pause(true).await,
            Ok(Request::Resume) => self.pause(false).await,
            Ok(Request::Replay(subscription)) => self.begin_replay(&subscription).await,
            Ok(Request::Seek { at_ms }) => match &mut self.replay {
                Some(replay) => {
                    replay.seek(at_ms, self.requests);
                    Ok(())
                }
                None => {
                    self.begin_again(|replay| (replay.at_ms, replay.picture_ms) = (Some(at_ms), None)).await
                }
            },
            Ok(Request::Speed { speed }) => match &mut self.replay {
                Some(replay) => match replay.speed(speed, self.requests) {
                    Ok(()) => Ok(()),
                    Err(refusal) => self.refuse(refusal).await,
                },
                None => self.begin_again(|replay| (replay.speed, replay.picture_ms) = (speed, None)).await,
            },
            Err(error) => {
                let message = format!(
                    "this is no request ({error}): write {{\"subscribe\": {{\"filter\": \"port = 443\", \
                     \"arcs_per_second\": 100}}}}, {{\"replay\": {{\"range\": {{\"from_ms\": 0, \"to_ms\": 1000}}}}}}, \
                     {{\"seek\": {{\"at_ms\": 0}}}}, {{\"speed\": {{\"speed\": 60.0}}}}, \"pause\" or \"resume\""
                );
                self.refuse(Refusal { message, position: None }).await
            }
        }
    }

    async fn pause(&mut self, is_paused: bool) -> Result<(), End> {
        if let Some(replay) = &mut self.replay {
            replay.pause(is_paused, self.requests);
            return Ok(());
        }
        if self.ended.is_some() {
            return self.begin_again(|replay| replay.is_paused = is_paused).await;
        }
        self.is_paused = is_paused;
        if is_paused { Ok(()) } else { self.send_frame(SnapshotReason::Resumed).await }
    }

    /// Begins the replay that ended, changed by a request.
    async fn begin_again(&mut self, change: impl FnOnce(&mut ReplaySubscription) + Send) -> Result<(), End> {
        let Some(ended) = self.ended.take() else { return self.refuse(no_replay()).await };
        let mut subscription = ended.clone();
        change(&mut subscription);
        let begun = self.begin_replay(&subscription).await;
        // What could not be done is not asked for again.
        self.ended = self.ended.take().map(|_| ended);
        begun
    }

    /// Begins with a replay; what passes now is not sent any more.
    async fn begin_replay(&mut self, subscription: &ReplaySubscription) -> Result<(), End> {
        let Some(replays) = &self.replays else {
            let message = "nothing is kept of the past".to_owned();
            return self.refuse(Refusal { message, position: None }).await;
        };
        let visitor = self.seat.peer();
        match replays.begin(subscription, self.requests, visitor, self.replay.as_mut()).await {
            Ok(replay) => {
                self.replay = Some(replay);
                self.ended = None;
                self.watching = None;
                Ok(())
            }
            Err(refusal) => {
                if self.replay.is_none() && self.watching.is_none() {
                    self.ended = Some(subscription.clone());
                }
                self.refuse(refusal).await
            }
        }
    }

    /// Sends what a replay says; `None` when it has ended, by an error or because it stood still for long.
    async fn send_of_replay(&mut self, message: Option<Message>) -> Result<(), End> {
        let Some(message) = message else {
            self.ended = self.replay.take().map(Replay::subscription);
            return Ok(());
        };
        let message = self.encoding.encode(&message);
        self.write(message.ok_or(End::Failed)?).await
    }

    /// Begins with a view. A pause outlasts it: the snapshot is sent, the frames stay held back.
    async fn subscribe(&mut self, subscription: &Subscription) -> Result<(), End> {
        match self.seat.subscribe(subscription, self.watching.as_ref()) {
            Ok(watching) => {
                self.watching = Some(watching);
                (self.replay, self.ended) = (None, None);
                self.send_snapshot(SnapshotReason::Subscribed).await
            }
            Err(refusal) => self.refuse(refusal).await,
        }
    }

    async fn refuse(&mut self, refusal: Refusal) -> Result<(), End> {
        self.seat.hub().metrics().refused_requests.add(1);
        if let Some(replay) = &self.replay {
            replay.answer(self.requests);
        }
        let message = self.encoding.encode(&Message::Refusal(refusal));
        self.write(message.ok_or(End::Failed)?).await
    }

    async fn send_snapshot(&mut self, reason: SnapshotReason) -> Result<(), End> {
        let Some(watching) = &mut self.watching else { return Ok(()) };
        let mut snapshot = watching.view.snapshot(reason, now_us() / 1_000);
        watching.position = snapshot.sequence;
        if reason == SnapshotReason::Skipped {
            self.times_skipped += 1;
        }
        snapshot.second.times_skipped = self.times_skipped;
        let message = self.encoding.encode(&Message::Snapshot(Box::new(snapshot)));
        self.write(message.ok_or(End::Failed)?).await?;
        self.seat.hub().metrics().snapshot_counter(reason).add(1);
        Ok(())
    }

    /// Sends all that is new, or a snapshot for this reason when that is no longer in the log.
    async fn send_frame(&mut self, when_forgotten: SnapshotReason) -> Result<(), End> {
        let Some(watching) = &mut self.watching else { return Ok(()) };
        let head = *watching.head.borrow_and_update();
        if head <= watching.position {
            return Ok(());
        }
        let prepared = match watching.view.take(watching.position, head, self.encoding) {
            Taken::Frame(prepared) => prepared,
            Taken::Forgotten => return self.send_snapshot(when_forgotten).await,
            Taken::Failed => return Err(End::Failed),
        };
        watching.position = head;
        self.write(prepared.message).await?;
        let metrics = self.seat.hub().metrics();
        metrics.frames.add(1);
        // What a client held back itself is not the feed's latency.
        if when_forgotten != SnapshotReason::Resumed {
            metrics.latency.record(now_us() - prepared.oldest_received_us);
        }
        Ok(())
    }

    async fn write(&mut self, message: ws::Message) -> Result<(), End> {
        let hub = self.seat.hub();
        let bytes = match &message {
            ws::Message::Text(text) => text.len(),
            ws::Message::Binary(bytes) => bytes.len(),
            ws::Message::Ping(_) | ws::Message::Pong(_) | ws::Message::Close(_) => 0,
        };
        let written = tokio::select! {
            biased;
            written = timeout(hub.limits().write_timeout, self.sink.send(message)) => written,
            () = hub.stopping().cancelled() => return Err(End::Stopping),
        };
        match written {
            Ok(Ok(())) => {
                hub.metrics().bytes.add(u64::try_from(bytes).unwrap_or(0));
                Ok(())
            }
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Stalled),
        }
    }
}

fn no_replay() -> Refusal {
    let message =
        "there is no replay: begin one with {\"replay\": {\"range\": {\"from_ms\": 0, \"to_ms\": 1000}}}";
    Refusal { message: message.to_owned(), position: None }
}

async fn next_of(replay: &mut Option<Replay>) -> Option<Message> {
    match replay {
        Some(replay) => replay.next().await,
        None => pending().await,
    }
}

async fn next_event(watching: &mut Option<Watching>, is_paused: bool) -> Event {
    if let Some(Watching { head, beat, .. }) = watching {
        tokio::select! {
            moved = head.changed(), if !is_paused => if moved.is_ok() { return Event::Moved },
            passed = beat.changed() => if passed.is_ok() {
                return Event::Second(Arc::clone(&beat.borrow_and_update()));
            },
        }
    }
    pending().await
}
