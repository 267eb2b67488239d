//! Bound sockets that nobody reads yet: datagrams wait in the kernel's buffers until the collector starts.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use super::socket::group::{self, Early};
use super::socket::{self, MemoryInfo};
use super::steering::Steering;

/// An address with a bound UDP socket for each worker.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    sockets: Vec<UdpSocket>,
    early: Vec<Early>,
}

impl Listener {
    /// Binds an address for one worker.
    pub fn bind(address: SocketAddr, buffer_bytes: usize) -> io::Result<Self> {
        Self::bind_group(address, buffer_bytes, &Steering::default())
    }

    /// Binds an address for the workers of a steering, each with a receive buffer of its own. From then on the
    /// kernel keeps datagrams until the collector starts.
    pub fn bind_group(address: SocketAddr, buffer_bytes: usize, steering: &Steering) -> io::Result<Self> {
        let (sockets, early) = group::open_group(address, buffer_bytes, steering)?;
        let address = sockets.first().map_or(Ok(address), UdpSocket::local_addr)?;
        Ok(Self { address, sockets, early })
    }

    /// Where it listens; the port is the kernel's choice if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The kernel's memory figures, of the sockets of all workers together; zeros where it does not tell.
    pub fn memory(&self) -> MemoryInfo {
        self.sockets.iter().map(|socket| socket::memory_info(socket).unwrap_or_default()).fold(
            MemoryInfo::default(),
            |sum, one| MemoryInfo {
                used_bytes: sum.used_bytes + one.used_bytes,
                granted_bytes: sum.granted_bytes + one.granted_bytes,
                drops: sum.drops + one.drops,
            },
        )
    }

    /// Number of its sockets: one for each worker.
    pub fn workers(&self) -> usize {
        self.sockets.len()
    }

    /// The sockets, one for each worker, with the early datagrams that belong to that worker.
    pub(super) fn into_sockets(self, steering: &Steering) -> impl Iterator<Item = Reading> {
        let Self { address, sockets, mut early } = self;
        sockets.into_iter().enumerate().map(move |(worker, socket)| {
            let own = early.extract_if(.., |datagram| steering.worker_of(datagram.source.ip()) == worker);
            Reading { address, socket, early: own.collect(), datagrams: 0, drops: 0 }
        })
    }
}

/// A socket of one worker, with what has been read from it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) address: SocketAddr,
    pub(super) socket: UdpSocket,
    /// What came before the group of sockets was complete, oldest first.
    pub(super) early: Vec<Early>,
    pub(super) datagrams: u64,
    /// Drops that the log has told of.
    pub(super) drops: u64,
}

impl Reading {
    pub(super) fn memory(&self) -> MemoryInfo {
        socket::memory_info(&self.socket).unwrap_or_default()
    }
}
