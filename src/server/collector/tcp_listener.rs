//! IPFIX over TCP and over TLS (RFC 7011 §10.4): listens, reads each connection in a task of its own, and hands whole
//! messages to the collecting thread.
//!
//! Nothing that was read is dropped: while the thread is busy, connections are not read, and TCP slows the exporters.
//! Connections are bounded in all and for each address; who is not admitted takes no place. One without a whole message
//! for the idle timeout is closed, and so is one that sends anything but IPFIX, for nothing tells where the next
//! message would begin.
//! [`StreamListeners`] owns every task, and [`StreamListeners::stop`] awaits them.

mod connection;
mod counters;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use self::connection::Connection;
use self::counters::Counters;
pub use self::counters::{ConnectionCounts, End, Refusal};
use super::admission::Admission;
use super::inlet::{Inlet, Kind, Message};
use super::socket;
use crate::model::status::{Listener as ListenerStatus, Transport};

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 1_024;
/// After the system could not give a connection, for want of open files mostly.
const PAUSE: Duration = Duration::from_millis(100);

/// Bounds on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of all listeners, those in their handshake included. One more is closed at once.
    pub connections: usize,
    /// The same of one address.
    pub connections_per_address: usize,
    /// A connection without a whole message for so long is closed.
    pub idle_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
}

impl Default for Limits {
    /// 1,024 connections take 64 MiB at most.
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_address: 64,
            idle_timeout: Duration::from_mins(30),
            handshake_timeout: Duration::from_secs(10),
        }
    }
}

/// A bound TCP socket that nobody accepts from yet. Connections wait in its backlog.
#[derive(Debug)]
pub struct Listener {
    socket: std::net::TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

#[derive(Clone)]
struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tls")
    }
}

impl Listener {
    /// Binds an address, both address families on `[::]`. With an acceptor its connections speak TLS.
    pub fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if let SocketAddr::V6(v6) = address {
            socket.set_only_v6(!v6.ip().is_unspecified())?;
        }
        // A restart does not wait for the connections of the process before.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = std::net::TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok(Self { socket, address, tls: tls.map(Tls) })
    }

    /// Where it listens; the port is the kernel's choice if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// TCP or TLS.
    pub fn transport(&self) -> Transport {
        if self.tls.is_some() { Transport::Tls } else { Transport::Tcp }
    }
}

/// The running listeners and their connections.
#[derive(Debug)]
pub struct StreamListeners {
    counters: Vec<Arc<Counters>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl StreamListeners {
    /// Begins to accept whom `admission` admits; to be called in the async runtime. `inlet_of` tells where messages of an exporter's address go:
    /// always into the same inlet.
    pub fn start(
        listeners: Vec<Listener>,
        limits: Limits,
        admission: Admission,
        inlet_of: impl Fn(IpAddr) -> Inlet + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let shared = Arc::new(Shared {
            limits,
            admission,
            inlet_of: Box::new(inlet_of),
            connections: AtomicU32::new(0),
            places: Arc::default(),
            stop: stop.clone(),
            tasks: tasks.clone(),
        });
        let mut counters = Vec::new();
        for listener in listeners {
            let of_listener = Arc::new(Counters::new(listener.address, listener.transport()));
            counters.push(Arc::clone(&of_listener));
            let accepting = Accepting {
                socket: TcpListener::from_std(listener.socket)?,
                tls: listener.tls,
                counters: of_listener,
                shared: Arc::clone(&shared),
            };
            let span = tracing::info_span!("listener", address = %listener.address);
            tasks.spawn(accepting.run().instrument(span));
        }
        Ok(Self { counters, stop, tasks })
    }

    /// The account of each listener.
    pub fn counts(&self) -> Vec<ConnectionCounts> {
        self.counters.iter().map(|counters| counters.snapshot()).collect()
    }

    /// Each listener as the status shows it.
    pub fn status(&self) -> Vec<ListenerStatus> {
        let counts = self.counts().into_iter();
        let shown = counts.map(|counts| ListenerStatus {
            address: counts.address,
            receive_buffer_bytes: 0,
            receive_buffer_used_bytes: 0,
            datagrams: counts.messages,
            kernel_drops: 0,
            transport: counts.transport,
            connections: counts.open(),
        });
        shown.collect()
    }

    /// Stops accepting, reads what the connections hold now, hands it on, closes them, and returns when all is done:
    /// after some seconds at most while the collecting thread runs.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for StreamListeners {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What all listeners share.
struct Shared {
    limits: Limits,
    admission: Admission,
    inlet_of: Box<dyn Fn(IpAddr) -> Inlet + Send + Sync>,
    /// Number of the next connection.
    connections: AtomicU32,
    places: Arc<Places>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// One listener at work.
struct Accepting {
    socket: TcpListener,
    tls: Option<Tls>,
    counters: Arc<Counters>,
    shared: Arc<Shared>,
}

impl Accepting {
    async fn run(self) {
        loop {
            let accepted = tokio::select! {
                () = self.shared.stop.cancelled() => return,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    self.begin(stream, SocketAddr::new(peer.ip().to_canonical(), peer.port()));
                }
                Err(error) => {
                    self.counters.refused(Refusal::Failed);
                    if self.counters.may_warn() {
                        tracing::warn!(%error, "cannot accept a connection; trying again");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection in a task of its own, if it finds a place.
    fn begin(&self, stream: TcpStream, peer: SocketAddr) {
        if !self.shared.admission.admits(peer.ip()) {
            self.counters.refused(Refusal::NotAdmitted);
            let (connection, received_us) = (0, socket::now_us());
            let mention = Message { connection, peer, received_us, kind: Kind::NotAdmitted };
            return (self.shared.inlet_of)(peer.ip()).mention(mention);
        }
        let place = match Places::take(&self.shared.places, peer.ip(), &self.shared.limits) {
            Ok(place) => place,
            Err(reason) => {
                self.counters.refused(reason);
                if self.counters.may_warn() {
                    tracing::warn!(%peer, reason = reason.label(), "refused a connection");
                }
                return;
            }
        };
        let (shared, counters, tls) =
            (Arc::clone(&self.shared), Arc::clone(&self.counters), self.tls.clone());
        let serving = async move {
            let connection = Connection {
                number: shared.connections.fetch_add(1, Ordering::Relaxed),
                peer,
                inlet: (shared.inlet_of)(peer.ip()),
                limits: &shared.limits,
                counters: &counters,
                stop: &shared.stop,
            };
            connection.serve(stream, tls.as_ref().map(|tls| &tls.0)).await;
            drop(place);
        };
        self.shared.tasks.spawn(serving.instrument(tracing::info_span!("connection", %peer)));
    }
}

/// Open connections by address.
#[derive(Debug, Default)]
struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The place of one connection, free again when it is dropped.
struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    fn take(places: &Arc<Self>, address: IpAddr, limits: &Limits) -> Result<Place, Refusal> {
        let mut taken = places.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = taken.by_address.get(&address).copied().unwrap_or(0);
        if of_address >= limits.connections_per_address {
            return Err(Refusal::AddressFull);
        }
        if taken.total >= limits.connections {
            return Err(Refusal::Full);
        }
        taken.total += 1;
        taken.by_address.insert(address, of_address + 1);
        Ok(Place { places: Arc::clone(places), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        if let Some(of_address) = taken.by_address.get_mut(&self.address) {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}
