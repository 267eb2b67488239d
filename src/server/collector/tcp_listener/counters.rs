//! What became of connections. `accepted` = open + closed for any reason; `bytes` = bytes of messages handed on +
//! discarded + what open connections hold of messages that are not whole yet.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::model::status::Transport;
use crate::server::collector::socket;

/// Least time between two warnings of one listener, microseconds: who can connect cannot flood the log.
const WARNING_INTERVAL_US: i64 = 1_000_000;

/// Why a connection was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// As many connections as there may be.
    Full,
    /// As many connections of one address as there may be.
    AddressFull,
    /// The address is not in the networks that may export.
    NotAdmitted,
    /// The TLS handshake failed.
    Handshake,
    /// The TLS handshake took too long.
    HandshakeTimeout,
    /// No client certificate, or none that the authorities vouch for.
    ClientCertificate,
    /// The system could not give the connection, or it was gone at once.
    Failed,
    /// It was in its handshake when the process stopped.
    Stopped,
}

impl Refusal {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Full,
        Self::AddressFull,
        Self::NotAdmitted,
        Self::Handshake,
        Self::HandshakeTimeout,
        Self::ClientCertificate,
        Self::Failed,
        Self::Stopped,
    ];

    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::AddressFull => "address_full",
            Self::NotAdmitted => "not_admitted",
            Self::Handshake => "handshake",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::ClientCertificate => "client_certificate",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The exporter closed it after a whole message.
    Exporter,
    /// The exporter closed it within a message.
    Truncated,
    /// What should have been a message header has another version than 10.
    UnknownVersion,
    /// A message header states less than its own length.
    MessageLength,
    /// No whole message for the idle timeout.
    Idle,
    /// Reset, timed out, or not TLS any more.
    Failed,
    /// The process stopped.
    Stopped,
}

impl End {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Exporter,
        Self::Truncated,
        Self::UnknownVersion,
        Self::MessageLength,
        Self::Idle,
        Self::Failed,
        Self::Stopped,
    ];

    /// The label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Exporter => "exporter",
            Self::Truncated => "truncated",
            Self::UnknownVersion => "unknown_version",
            Self::MessageLength => "message_length",
            Self::Idle => "idle",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// The account of one listener, as it was at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Where it listens.
    pub address: SocketAddr,
    /// TCP or TLS.
    pub transport: Transport,
    /// Connections accepted, over TLS after the handshake.
    pub accepted: u64,
    /// Connections not accepted, in the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Connections ended, in the order of [`End::ALL`].
    pub closed: [u64; End::ALL.len()],
    /// Whole messages handed on.
    pub messages: u64,
    /// Bytes read, without TLS's own.
    pub bytes: u64,
    /// Bytes of messages that never became whole, and of what was no message.
    pub discarded_bytes: u64,
}

impl ConnectionCounts {
    /// Connections open.
    pub fn open(&self) -> u64 {
        self.accepted.saturating_sub(self.closed.iter().sum())
    }

    /// Connections refused for a reason.
    pub const fn refused(&self, reason: Refusal) -> u64 {
        self.refused[reason as usize]
    }

    /// Connections ended for a reason.
    pub const fn closed(&self, reason: End) -> u64 {
        self.closed[reason as usize]
    }
}

/// The account of one listener.
#[derive(Debug)]
pub(super) struct Counters {
    address: SocketAddr,
    transport: Transport,
    accepted: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    closed: [AtomicU64; End::ALL.len()],
    messages: AtomicU64,
    bytes: AtomicU64,
    discarded_bytes: AtomicU64,
    warned_us: AtomicI64,
}

impl Counters {
    pub(super) fn new(address: SocketAddr, transport: Transport) -> Self {
        Self {
            address,
            transport,
            accepted: AtomicU64::new(0),
            refused: Default::default(),
            closed: Default::default(),
            messages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            discarded_bytes: AtomicU64::new(0),
            warned_us: AtomicI64::new(0),
        }
    }

    pub(super) fn snapshot(&self) -> ConnectionCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Ends first: a connection is counted as open a little too long rather than below none.
        let closed = self.closed.each_ref().map(load);
        ConnectionCounts {
            address: self.address,
            transport: self.transport,
            accepted: load(&self.accepted),
            refused: self.refused.each_ref().map(load),
            closed,
            messages: load(&self.messages),
            bytes: load(&self.bytes),
            discarded_bytes: load(&self.discarded_bytes),
        }
    }

    pub(super) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, reason: Refusal) {
        self.refused[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn closed(&self, reason: End) {
        self.closed[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn discarded(&self, bytes: usize) {
        self.discarded_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// True at most once a second.
    pub(super) fn may_warn(&self) -> bool {
        let now_us = socket::now_us();
        let warned_us = self.warned_us.load(Ordering::Relaxed);
        now_us.saturating_sub(warned_us) >= WARNING_INTERVAL_US
            && self
                .warned_us
                .compare_exchange(warned_us, now_us, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_listed_at_its_number() {
        for (index, reason) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
        for (index, reason) in End::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
