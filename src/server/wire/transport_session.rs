//! What templates and sequence numbers belong to beside a protocol and an observation domain.

use serde::{Deserialize, Serialize};

/// A transport session of an exporter (RFC 7011 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TransportSession {
    /// Datagrams from one port. It has no end, and nothing tells whether all of them arrive in order.
    Udp {
        /// Source port of the datagrams.
        source_port: u16,
    },
    /// One connection over TCP or TLS: all arrives, in order, and ends with it.
    Stream {
        /// Its number in this process. No two open connections have the same.
        connection: u32,
        /// The exporter's port.
        source_port: u16,
    },
}

impl TransportSession {
    /// The exporter's port.
    pub const fn source_port(self) -> u16 {
        match self {
            Self::Udp { source_port } | Self::Stream { source_port, .. } => source_port,
        }
    }

    /// Number of the connection; `None` over UDP.
    pub const fn connection(self) -> Option<u32> {
        match self {
            Self::Udp { .. } => None,
            Self::Stream { connection, .. } => Some(connection),
        }
    }
}
