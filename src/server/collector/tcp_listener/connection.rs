//! One connection: the TLS handshake if there is one, then messages until it ends.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::counters::{Counters, End, Refusal};
use crate::server::collector::inlet::{Inlet, Kind, Message};
use crate::server::collector::socket;
use crate::server::wire::error::Reason;
use crate::server::wire::ipfix_framing::Framer;

/// An exporter that is gone without a word is found out after two minutes: 60 s silence, then 6 probes 10 s apart.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_mins(1))
    .with_interval(Duration::from_secs(10))
    .with_retries(6);
/// When the process stops, a connection is read until nothing came for so long,
const LAST_PAUSE: Duration = Duration::from_millis(100);
/// and no longer than this.
const LAST_READING: Duration = Duration::from_secs(2);
/// How long an exporter gets to take the end of the connection.
const CLOSING: Duration = Duration::from_secs(1);

/// What a connection needs to be served.
pub(super) struct Connection<'a> {
    pub(super) number: u32,
    pub(super) peer: SocketAddr,
    pub(super) inlet: Inlet,
    pub(super) limits: &'a Limits,
    pub(super) counters: &'a Counters,
    pub(super) stop: &'a CancellationToken,
}

impl Connection<'_> {
    /// Serves it to its end.
    pub(super) async fn serve(self, stream: TcpStream, tls: Option<&TlsAcceptor>) {
        if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE) {
            return self.refuse(Refusal::Failed, &error);
        }
        let Some(acceptor) = tls else { return self.read_to_end(stream).await };
        let handshake = timeout(self.limits.handshake_timeout, acceptor.accept(stream));
        let handshake = tokio::select! {
            handshake = handshake => handshake,
            () = self.stop.cancelled() => return self.refuse(Refusal::Stopped, &"the process stops"),
        };
        match handshake {
            Ok(Ok(stream)) => self.read_to_end(stream).await,
            Ok(Err(error)) => self.refuse(handshake_fault(&error), &error),
            Err(error) => self.refuse(Refusal::HandshakeTimeout, &error),
        }
    }

    fn refuse(&self, reason: Refusal, error: &dyn std::fmt::Display) {
        self.counters.refused(reason);
        if self.counters.may_warn() {
            tracing::warn!(%error, reason = reason.label(), "refused a connection");
        }
    }

    async fn read_to_end(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        self.counters.accepted();
        tracing::debug!("accepted a connection");
        let end = self.read(&mut stream).await;
        let ended = self.message(socket::now_us(), Kind::Ended);
        if self.inlet.send(ended).await.is_err() {
            tracing::debug!("the collecting thread has ended");
        }
        // Nothing is lost when the exporter does not take the farewell: all it sent was read.
        drop(timeout(CLOSING, stream.shutdown()).await);
        self.counters.closed(end);
        if matches!(end, End::UnknownVersion | End::MessageLength | End::Truncated)
            && self.counters.may_warn()
        {
            tracing::warn!(
                reason = end.label(),
                "closed a connection that does not speak IPFIX, or not to its end"
            );
        } else {
            tracing::debug!(reason = end.label(), "closed a connection");
        }
    }

    /// Reads messages and hands them on until the connection ends.
    async fn read(&self, stream: &mut (impl AsyncRead + Unpin)) -> End {
        let mut framer = Framer::default();
        let mut idle_until = Instant::now() + self.limits.idle_timeout;
        let mut last_until = None;
        let end = loop {
            let until = last_until.map_or(idle_until, |last: Instant| last.min(Instant::now() + LAST_PAUSE));
            let read = tokio::select! {
                () = self.stop.cancelled(), if last_until.is_none() => {
                    last_until = Some(Instant::now() + LAST_READING);
                    continue;
                }
                read = timeout_at(until, stream.read(framer.space())) => read,
            };
            match read {
                Ok(Ok(count @ 1..)) => {
                    framer.filled(count);
                    self.counters.read(count);
                }
                // Many exporters close the socket without TLS's farewell.
                Ok(Err(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                    tracing::debug!(%error, "cannot read");
                    break End::Failed;
                }
                Ok(_) if framer.pending() > 0 => break End::Truncated,
                Ok(_) => break End::Exporter,
                Err(_) if last_until.is_some() => break End::Stopped,
                Err(_) => break End::Idle,
            }
            match self.hand_on(&mut framer).await {
                Ok(0) => {}
                Ok(_) => idle_until = Instant::now() + self.limits.idle_timeout,
                Err(end) => break end,
            }
            if last_until.is_some_and(|last| last <= Instant::now()) {
                break End::Stopped;
            }
        };
        self.counters.discarded(framer.pending());
        end
    }

    /// Hands the whole messages on and answers how many; slowly, if the collecting thread has much to do.
    async fn hand_on(&self, framer: &mut Framer) -> Result<usize, End> {
        let received_us = socket::now_us();
        let mut count = 0;
        while let Some(message) = framer.next_message() {
            let message = message.map_err(|error| match error.reason {
                Reason::MessageLength => End::MessageLength,
                _ => End::UnknownVersion,
            })?;
            let length = message.len();
            if self.inlet.send(self.message(received_us, Kind::Data(message.into()))).await.is_err() {
                self.counters.discarded(length);
                return Err(End::Stopped);
            }
            self.counters.message();
            count += 1;
        }
        Ok(count)
    }

    const fn message(&self, received_us: i64, kind: Kind) -> Message {
        Message { connection: self.number, peer: self.peer, received_us, kind }
    }
}

fn handshake_fault(error: &std::io::Error) -> Refusal {
    let fault = error.get_ref().and_then(|fault| fault.downcast_ref());
    match fault {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Refusal::ClientCertificate
        }
        _ => Refusal::Handshake,
    }
}
