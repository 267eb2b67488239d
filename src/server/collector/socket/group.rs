//! Several sockets on one address, each of which gets the exporters that a [`Steering`] gives it.
//!
//! The first socket is bound alone, so that an address that another program uses is still an error; then the others
//! join it (`SO_REUSEPORT`). What arrives before the last one is there went by the kernel's own spreading: it is read
//! at once and kept for the worker that it belongs to.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Protocol, Socket, Type};

use super::{BATCH, ReceiveBatch, open_unbound, set_option_value};
use crate::server::collector::steering::{Instruction, Steering};

/// Batches of early datagrams that are kept, of each socket: what comes in the microseconds of binding.
const EARLY_BATCHES: usize = 64;

/// A datagram that came before its group was complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Early {
    /// Who sent it.
    pub source: SocketAddr,
    /// Kernel's receive time, microseconds since 1970.
    pub received_us: i64,
    /// What it holds.
    pub payload: Vec<u8>,
}

/// Opens a socket for each worker of the steering, in their order. Beside them what came before all were there, oldest
/// first.
pub fn open_group(
    address: SocketAddr,
    buffer_bytes: usize,
    steering: &Steering,
) -> io::Result<(Vec<UdpSocket>, Vec<Early>)> {
    let first = open_unbound(address, buffer_bytes)?;
    if steering.workers() == 1 {
        first.bind(&address.into())?;
        return Ok((vec![first.into()], Vec::new()));
    }
    let program = steering.program().ok_or(io::ErrorKind::InvalidInput)?;
    // A program can be given only to a group, and a group begins with a socket that is not bound yet.
    first.set_reuse_port(true)?;
    attach(first.as_raw_fd(), &program)?;
    first.set_reuse_port(false)?;
    first.bind(&address.into())?;
    first.set_reuse_port(true)?;
    let first = UdpSocket::from(first);
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..steering.workers() {
        let socket = open_unbound(address, buffer_bytes)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        sockets.push(socket.into());
    }
    let early = read_early(&sockets)?;
    Ok((sockets, early))
}

/// True if the kernel takes the program of a steering.
pub fn is_granted(steering: &Steering) -> io::Result<bool> {
    let Some(program) = steering.program() else { return Ok(false) };
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    Ok(socket.set_reuse_port(true).and_then(|()| attach(socket.as_raw_fd(), &program)).is_ok())
}

fn read_early(sockets: &[UdpSocket]) -> io::Result<Vec<Early>> {
    let mut early = Vec::new();
    let mut batch = ReceiveBatch::default();
    for socket in sockets {
        for _ in 0..EARLY_BATCHES {
            let count = batch.receive(socket)?;
            early.extend(batch.datagrams().map(|(source, received_us, payload)| Early {
                source,
                received_us,
                payload: payload.to_vec(),
            }));
            if count < BATCH {
                break;
            }
        }
    }
    early.sort_by_key(|datagram| datagram.received_us);
    Ok(early)
}

fn attach(socket: RawFd, program: &[Instruction]) -> io::Result<()> {
    let mut filters: Vec<libc::sock_filter> = program
        .iter()
        .map(|instruction| libc::sock_filter {
            code: instruction.code,
            jt: instruction.jump_true,
            jf: instruction.jump_false,
            k: instruction.operand,
        })
        .collect();
    let length = u16::try_from(filters.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len: length, filter: filters.as_mut_ptr() };
    // SAFETY: the option takes a `sock_fprog`, and this one points to `filters` with their number; the kernel copies them.
    unsafe { set_option_value(socket, libc::SO_ATTACH_REUSEPORT_CBPF, &program) }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::server::collector::socket::wait;

    const WORKERS: usize = 4;

    fn steering() -> Steering {
        let pinned = ["127.0.3.0/24", "127.9.0.1", "::1", "2001:db8::/33"];
        Steering::new(WORKERS, pinned.map(|network| network.parse().unwrap()).to_vec())
    }

    /// Sends from two ports of each address, and tells which sockets got it.
    fn receivers(steering: &Steering, listen: &str, sources: &[IpAddr]) -> Vec<(IpAddr, Vec<usize>)> {
        let (sockets, early) = open_group(listen.parse().unwrap(), 1 << 20, steering).unwrap();
        assert_eq!((sockets.len(), early.len()), (WORKERS, 0));
        let port = sockets[0].local_addr().unwrap().port();
        let mut batch = ReceiveBatch::default();
        let mut received = Vec::new();
        for source in sources {
            let target = if source.is_ipv4() {
                SocketAddr::from(([127, 0, 0, 1], port))
            } else {
                SocketAddr::new(*source, port)
            };
            let mut got = Vec::new();
            for _ in 0..2 {
                let sender = UdpSocket::bind((*source, 0)).unwrap();
                sender.send_to(b"x", target).unwrap();
                let polled: Vec<RawFd> = sockets.iter().map(AsRawFd::as_raw_fd).collect();
                let mut readable = Vec::new();
                wait(&polled, Some(Duration::from_secs(5)), &mut readable).unwrap();
                for (index, socket) in sockets.iter().enumerate() {
                    for _ in 0..batch.receive(socket).unwrap() {
                        got.push(index);
                    }
                    for (from, ..) in batch.datagrams() {
                        assert_eq!(from.ip(), *source);
                    }
                }
            }
            received.push((*source, got));
        }
        received
    }

    #[test]
    fn the_kernel_gives_every_exporter_to_the_worker_that_this_process_computes_whatever_its_port() {
        let sources: Vec<IpAddr> =
            (0..200_u8).map(|number| IpAddr::from([127, number / 50, number % 5, 1 + number])).collect();
        let steering = steering();
        let listens: &[&str] =
            if UdpSocket::bind("[::1]:0").is_ok() { &["127.0.0.1:0", "[::]:0"] } else { &["127.0.0.1:0"] };
        for listen in listens {
            let mut loads = [0; WORKERS];
            for (source, got) in receivers(&steering, listen, &sources) {
                let worker = steering.worker_of(source);
                assert_eq!(got, [worker; 2], "{source} at {listen}");
                loads[worker] += 1;
            }
            assert!(loads.iter().all(|load| *load > 20), "{loads:?}");
        }
    }

    #[test]
    fn an_ipv6_exporter_gets_to_its_worker_pinned_or_not() {
        if UdpSocket::bind("[::1]:0").is_err() {
            eprintln!("skipped: this machine has no IPv6");
            return;
        }
        let loopback: IpAddr = "::1".parse().unwrap();
        for listen in ["[::1]:0", "[::]:0"] {
            // By its hash, and pinned.
            for workers in [Steering::new(WORKERS, Vec::new()), steering()] {
                let worker = workers.worker_of(loopback);
                assert_eq!(receivers(&workers, listen, &[loopback]), [(loopback, vec![worker; 2])]);
            }
        }
        assert_ne!(
            Steering::new(WORKERS, Vec::new()).worker_of(loopback),
            0,
            "else the test would show little"
        );
    }

    #[test]
    fn an_address_in_use_is_an_error_also_for_a_group_and_also_against_a_group() {
        let steering = steering();
        let (sockets, _) = open_group("127.0.0.1:0".parse().unwrap(), 0, &steering).unwrap();
        let address = sockets[0].local_addr().unwrap();
        let again = open_group(address, 0, &steering).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(super::super::open(address, 0).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
