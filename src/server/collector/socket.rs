//! A UDP socket that is read in batches, with the kernel's receive time of each datagram.
//!
//! The one module with unsafe code: `recvmmsg`, `poll` and the socket options that the standard library does not
//! offer. Everything the kernel writes is bounded by the buffers that are handed to it here, and every length it
//! returns is checked before use. Linux only.
#![expect(unsafe_code, reason = "recvmmsg, poll, SO_MEMINFO and SO_RCVBUFFORCE have no safe form in std")]

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use socket2::{Domain, Protocol, Socket, Type};

pub mod group;

/// Datagrams read with one system call, at most.
pub const BATCH: usize = 64;
/// Largest UDP payload, in bytes.
const DATAGRAM_BYTES: usize = 65_535;
/// Distance of the payloads in memory: not a power of two, else all datagrams of a batch would share a few sets of
/// the processor's caches.
const STRIDE_BYTES: usize = DATAGRAM_BYTES + 1 + 24 * 64;
/// Room for one `SCM_TIMESTAMPNS` message, in bytes.
const CONTROL_BYTES: usize = 64;

/// Memory figures of a socket, in bytes of kernel memory, and its drops since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryInfo {
    /// Receive buffer in use.
    pub used_bytes: u64,
    /// Receive buffer granted.
    pub granted_bytes: u64,
    /// Datagrams dropped because the buffer was full.
    pub drops: u64,
}

/// Opens a UDP socket for receiving: both address families on `[::]`, receive times on, the largest buffer that the
/// kernel grants up to `buffer_bytes`.
pub fn open(address: SocketAddr, buffer_bytes: usize) -> io::Result<UdpSocket> {
    let socket = open_unbound(address, buffer_bytes)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn open_unbound(address: SocketAddr, buffer_bytes: usize) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if let SocketAddr::V6(v6) = address {
        socket.set_only_v6(!v6.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    let wanted = libc::c_int::try_from(buffer_bytes).unwrap_or(libc::c_int::MAX);
    if set_option(socket.as_raw_fd(), libc::SO_RCVBUFFORCE, wanted).is_err() {
        set_option(socket.as_raw_fd(), libc::SO_RCVBUF, wanted)?;
    }
    set_option(socket.as_raw_fd(), libc::SO_TIMESTAMPNS, 1)?;
    Ok(socket)
}

fn set_option(socket: RawFd, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: a number points to nothing.
    unsafe { set_option_value(socket, option, &value) }
}

/// Sets an option whose value is a structure of C.
///
/// # Safety
///
/// The value is of the type that the option takes, and what it points to, if anything, lives through the call.
unsafe fn set_option_value<T>(socket: RawFd, option: libc::c_int, value: &T) -> io::Result<()> {
    let length = socket_length(mem::size_of::<T>());
    // SAFETY: the pointer and length describe `value`, which lives through the call.
    let result =
        unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, option, (&raw const *value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn socket_length(bytes: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(bytes).unwrap_or(libc::socklen_t::MAX)
}

/// The kernel's memory figures of a socket (`SO_MEMINFO`).
pub fn memory_info(socket: &UdpSocket) -> io::Result<MemoryInfo> {
    // Fields by <linux/sock_diag.h>: RMEM_ALLOC, RCVBUF, WMEM_ALLOC, SNDBUF, FWD_ALLOC, WMEM_QUEUED, OPTMEM, BACKLOG, DROPS.
    let mut fields = [0_u32; 9];
    let mut length = socket_length(mem::size_of_val(&fields));
    // SAFETY: the pointer and length describe `fields`; the kernel writes at most `length` bytes.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            fields.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let [used, granted, .., drops] = fields;
    Ok(MemoryInfo { used_bytes: used.into(), granted_bytes: granted.into(), drops: drops.into() })
}

/// Waits until one of the sockets can be read or the time is up; `None` waits for as long as it takes.
/// Answers which can be read, in their order.
pub fn wait(sockets: &[RawFd], timeout: Option<Duration>, readable: &mut Vec<bool>) -> io::Result<()> {
    let mut polled: Vec<libc::pollfd> =
        sockets.iter().map(|&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
    let timeout_ms =
        timeout.map_or(-1, |time| libc::c_int::try_from(time.as_millis()).unwrap_or(libc::c_int::MAX));
    let count = libc::nfds_t::try_from(polled.len()).unwrap_or(0);
    // SAFETY: the pointer and count describe `polled`, which lives through the call.
    let result = unsafe { libc::poll(polled.as_mut_ptr(), count, timeout_ms) };
    readable.clear();
    if result < 0 {
        let error = io::Error::last_os_error();
        readable.resize(sockets.len(), false);
        return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
    }
    readable.extend(polled.iter().map(|entry| entry.revents != 0));
    Ok(())
}

/// Aligned room for the control messages of one datagram.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_BYTES]);

/// Buffers for one batch of datagrams. Made once per receiving thread and used again and again.
pub struct ReceiveBatch {
    payloads: Vec<u8>,
    addresses: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    received: Vec<Datagram>,
}

/// One received datagram of a batch.
#[derive(Clone, Copy)]
struct Datagram {
    source: SocketAddr,
    received_us: i64,
    length: usize,
}

impl Default for ReceiveBatch {
    /// Takes about 4 MiB of address space, of which only what datagrams fill is ever touched.
    fn default() -> Self {
        Self {
            payloads: vec![0; BATCH * STRIDE_BYTES],
            // SAFETY: all-zero bytes are a valid `sockaddr_storage` (family AF_UNSPEC).
            addresses: vec![unsafe { MaybeUninit::zeroed().assume_init() }; BATCH],
            controls: vec![Control([0; CONTROL_BYTES]); BATCH],
            received: Vec::with_capacity(BATCH),
        }
    }
}

impl ReceiveBatch {
    /// Reads what is there, at most [`BATCH`] datagrams, without waiting. Answers how many.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.received.clear();
        let mut vectors: [libc::iovec; BATCH] =
            std::array::from_fn(|_| libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 });
        for (vector, payload) in vectors.iter_mut().zip(self.payloads.chunks_exact_mut(STRIDE_BYTES)) {
            *vector = libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: DATAGRAM_BYTES };
        }
        // SAFETY: all-zero bytes are a valid `mmsghdr`: null pointers and zero lengths.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { MaybeUninit::zeroed().assume_init() };
        let places = self.addresses.iter_mut().zip(&mut self.controls).zip(&mut vectors);
        for (header, ((address, control), vector)) in headers.iter_mut().zip(places) {
            header.msg_hdr.msg_name = (&raw mut *address).cast();
            header.msg_hdr.msg_namelen = socket_length(mem::size_of::<libc::sockaddr_storage>());
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_BYTES;
        }
        // SAFETY: every header points to buffers of `self` or this frame that live through the call, with their lengths.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                libc::c_uint::try_from(BATCH).unwrap_or(0),
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            };
        };
        for (header, address) in headers.iter().zip(&self.addresses).take(count) {
            self.received.push(Datagram {
                source: socket_address(address),
                received_us: receive_time(&header.msg_hdr).unwrap_or_else(now_us),
                length: usize::try_from(header.msg_len).unwrap_or(0).min(DATAGRAM_BYTES),
            });
        }
        Ok(count)
    }

    /// The datagrams of the last [`receive`](Self::receive): source, kernel's receive time in microseconds since 1970,
    /// payload.
    pub fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, i64, &[u8])> {
        self.received.iter().zip(self.payloads.chunks_exact(STRIDE_BYTES)).map(|(received, payload)| {
            (received.source, received.received_us, payload.get(..received.length).unwrap_or(payload))
        })
    }
}

/// The source address that the kernel wrote.
fn socket_address(storage: &libc::sockaddr_storage) -> SocketAddr {
    let storage: *const libc::sockaddr_storage = storage;
    // SAFETY: `sockaddr_storage` is larger than and aligned for both forms; the family says which one it holds.
    unsafe {
        match libc::c_int::from((*storage).ss_family) {
            libc::AF_INET6 => {
                let v6 = &*storage.cast::<libc::sockaddr_in6>();
                let address = IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)).to_canonical();
                SocketAddr::new(address, u16::from_be(v6.sin6_port))
            }
            libc::AF_INET => {
                let v4 = &*storage.cast::<libc::sockaddr_in>();
                let address = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                SocketAddr::new(IpAddr::V4(address), u16::from_be(v4.sin_port))
            }
            _ => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        }
    }
}

/// The kernel's receive time, microseconds since 1970, if it sent one along.
fn receive_time(header: &libc::msghdr) -> Option<i64> {
    // SAFETY: `recvmmsg` left `msg_control` and `msg_controllen` describing what it wrote; the CMSG functions stay within.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(control) = message.as_ref() {
            if control.cmsg_level == libc::SOL_SOCKET && control.cmsg_type == libc::SCM_TIMESTAMPNS {
                let time: libc::timespec = std::ptr::read_unaligned(libc::CMSG_DATA(message).cast());
                return Some(time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000));
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    None
}

/// The clock that the kernel's receive times come from, microseconds since 1970.
pub fn now_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_arrive_with_their_source_and_the_kernels_time() {
        let receiver = open("127.0.0.1:0".parse().unwrap(), 1 << 20).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let before = now_us();
        for payload in [&b"first"[..], b"", b"third"] {
            sender.send_to(payload, receiver.local_addr().unwrap()).unwrap();
        }
        let mut readable = Vec::new();
        wait(&[receiver.as_raw_fd()], Some(Duration::from_secs(5)), &mut readable).unwrap();
        assert_eq!(readable, [true]);
        let mut batch = ReceiveBatch::default();
        assert_eq!(batch.receive(&receiver).unwrap(), 3);
        let datagrams: Vec<_> = batch.datagrams().collect();
        assert_eq!(
            datagrams.iter().map(|datagram| datagram.2).collect::<Vec<_>>(),
            [&b"first"[..], b"", b"third"]
        );
        for (source, received_us, _) in datagrams {
            assert_eq!(source, sender.local_addr().unwrap());
            assert!(
                (before..=now_us()).contains(&received_us),
                "{received_us} is not between {before} and now"
            );
        }
        assert_eq!(batch.receive(&receiver).unwrap(), 0, "nothing is left");
    }

    #[test]
    fn one_socket_on_all_addresses_takes_both_families() {
        let Ok(receiver) = open("[::]:0".parse().unwrap(), 1 << 20) else {
            eprintln!("skipped: this machine has no IPv6");
            return;
        };
        let port = receiver.local_addr().unwrap().port();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(b"x", ("127.0.0.1", port)).unwrap();
        let mut batch = ReceiveBatch::default();
        wait(&[receiver.as_raw_fd()], Some(Duration::from_secs(5)), &mut Vec::new()).unwrap();
        assert_eq!(batch.receive(&receiver).unwrap(), 1);
        assert!(
            batch.datagrams().all(|(source, ..)| source.is_ipv4()),
            "an IPv4 source is not shown as mapped IPv6"
        );
    }

    #[test]
    fn what_the_kernel_drops_is_counted() {
        let receiver = open("127.0.0.1:0".parse().unwrap(), 4_096).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..200 {
            sender.send_to(&[0; 1_400], receiver.local_addr().unwrap()).unwrap();
        }
        let mut batch = ReceiveBatch::default();
        let mut read = 0;
        while let Ok(count @ 1..) = batch.receive(&receiver) {
            read += count;
        }
        let drops = memory_info(&receiver).unwrap().drops;
        assert!(drops > 0);
        assert_eq!(u64::try_from(read).unwrap() + drops, 200);
    }
}
