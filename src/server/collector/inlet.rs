//! The way of messages from the tasks that read connections to a collecting thread.
//!
//! Bounded, and nothing is dropped: who finds it full waits, and its exporter with it. A thread has one [`Outlet`] and
//! polls its file descriptor beside its sockets; the [`Inlet`] is cloned by whoever sends. All messages of an
//! exporter's address have to go into the same inlet, for its templates are with that thread.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

/// Messages that may wait for a collecting thread: 16 MiB at most, for none is longer than 64 kB.
const MESSAGES: usize = 256;

/// Something of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Number of the connection in this process.
    pub connection: u32,
    /// The exporter's end of it.
    pub peer: SocketAddr,
    /// When it was read, microseconds since 1970.
    pub received_us: i64,
    /// What it is.
    pub kind: Kind,
}

/// What a [`Message`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One whole IPFIX message.
    Data(Box<[u8]>),
    /// The connection has ended: what belongs to it can be forgotten. Nothing of it follows.
    Ended,
    /// The connection was refused, for its exporter is not admitted. Nothing of it follows.
    NotAdmitted,
}

/// The collecting thread has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadEnded;

/// Wakes a thread that polls the other end.
#[derive(Debug)]
struct Bell {
    /// True from the first ring until the thread looks.
    is_rung: AtomicBool,
    stream: UnixStream,
}

impl Bell {
    fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::AcqRel) {
            // Never full, for it holds few bytes; broken when the thread has ended, and then nobody has to be woken.
            if let Err(error) = (&self.stream).write(&[1])
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                tracing::error!(%error, "cannot wake a collecting thread");
            }
        }
    }
}

/// The senders' end.
#[derive(Clone, Debug)]
pub struct Inlet {
    messages: mpsc::Sender<Message>,
    bell: Arc<Bell>,
}

impl Inlet {
    /// Hands a message to the thread, and waits while too many wait there already.
    pub async fn send(&self, message: Message) -> Result<(), ThreadEnded> {
        self.messages.send(message).await.map_err(|_| ThreadEnded)?;
        self.bell.ring();
        Ok(())
    }

    /// Hands a message to the thread that may get lost: it does when too many wait there.
    pub fn mention(&self, message: Message) {
        if self.messages.try_send(message).is_ok() {
            self.bell.ring();
        }
    }
}

/// The collecting thread's end.
#[derive(Debug)]
pub struct Outlet {
    messages: mpsc::Receiver<Message>,
    bell: Arc<Bell>,
    woken: UnixStream,
}

/// Both ends.
pub fn channel() -> io::Result<(Inlet, Outlet)> {
    let (stream, woken) = UnixStream::pair()?;
    stream.set_nonblocking(true)?;
    woken.set_nonblocking(true)?;
    let bell = Arc::new(Bell { is_rung: AtomicBool::new(false), stream });
    let (messages, received) = mpsc::channel(MESSAGES);
    Ok((Inlet { messages, bell: Arc::clone(&bell) }, Outlet { messages: received, bell, woken }))
}

impl Outlet {
    /// Takes at most `most` messages, without waiting. If more are left the file descriptor stays readable.
    pub fn take(&mut self, most: usize) -> impl Iterator<Item = Message> {
        // First the bell, then the messages: what comes in between rings again.
        while matches!((&self.woken).read(&mut [0; 8]), Ok(1..)) {}
        self.bell.is_rung.swap(false, Ordering::AcqRel);
        let mut left = most;
        std::iter::from_fn(move || {
            if left == 0 {
                self.bell.ring();
                return None;
            }
            left -= 1;
            self.messages.try_recv().ok()
        })
        .fuse()
    }
}

impl AsRawFd for Outlet {
    /// Readable when there are messages.
    fn as_raw_fd(&self) -> RawFd {
        self.woken.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::collector::socket;

    fn message(number: u32) -> Message {
        let peer = SocketAddr::from(([192, 0, 2, 1], 4739));
        Message { connection: number, peer, received_us: 0, kind: Kind::Ended }
    }

    fn is_readable(outlet: &Outlet) -> bool {
        let mut readable = Vec::new();
        socket::wait(&[outlet.as_raw_fd()], Some(Duration::ZERO), &mut readable).unwrap();
        readable[0]
    }

    #[tokio::test]
    async fn a_thread_is_woken_until_it_has_taken_all() {
        let (inlet, mut outlet) = channel().unwrap();
        assert!(!is_readable(&outlet));
        for number in 0..5 {
            inlet.send(message(number)).await.unwrap();
        }
        let mut taken = Vec::new();
        for (most, is_readable_then) in [(2, true), (2, true), (2, false)] {
            assert!(is_readable(&outlet));
            taken.extend(outlet.take(most).map(|message| message.connection));
            assert_eq!(is_readable(&outlet), is_readable_then);
        }
        assert_eq!(taken, [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn a_full_channel_holds_the_sender_up_and_loses_nothing() {
        let (inlet, mut outlet) = channel().unwrap();
        let all = u32::try_from(3 * MESSAGES).unwrap();
        let sender = tokio::spawn(async move {
            for number in 0..all {
                inlet.send(message(number)).await.unwrap();
            }
        });
        let mut taken = Vec::new();
        let reading = async {
            while taken.len() < 3 * MESSAGES {
                let some: Vec<_> = outlet.take(MESSAGES).collect();
                assert!(some.len() <= MESSAGES);
                taken.extend(some.into_iter().map(|message| message.connection));
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap();
        sender.await.unwrap();
        assert!(taken.into_iter().eq(0..all));
    }

    #[tokio::test]
    async fn a_sender_is_told_when_the_thread_has_ended() {
        let (inlet, outlet) = channel().unwrap();
        drop(outlet);
        assert_eq!(inlet.send(message(0)).await, Err(ThreadEnded));
    }
}
