//! Packets of a capture file: pcap with micro- or nanoseconds in either byte order, and pcapng.
//!
//! Reads untrusted input: no file makes it panic, hold more than a [`Window`], or read anything twice. Whatever
//! is wrong ends the file with a [`Fault`]; the packets before it were given out.

use std::io::{self, Read};

use thiserror::Error;

use super::window::{MOST_BYTES, Window};

mod pcap;
mod pcapng;

use pcap::Pcap;
use pcapng::Pcapng;

/// A packet as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When it was captured, microseconds since 1970; simple packets of pcapng do not say.
    pub time_us: Option<i64>,
    /// What its first byte belongs to, a `LINKTYPE_` number.
    pub link_type: u16,
    /// What was kept of it.
    pub data: &'a [u8],
    /// Bytes it had on the wire.
    pub original_length: u32,
}

/// Why a file could not be read to its end. The text says what to do.
#[derive(Debug, Error)]
pub enum Fault {
    /// Nothing in it.
    #[error("the file is empty: was it copied completely?")]
    Empty,
    /// Neither pcap nor pcapng.
    #[error(
        "this is neither pcap nor pcapng (it begins with {start}): \
         name a file that tcpdump, tshark or dumpcap wrote, plain or gzipped"
    )]
    NoCapture {
        /// Its first bytes in hex.
        start: String,
    },
    /// A capture of a kind that is not read.
    #[error("{what} at byte {offset} cannot be read: convert it with `editcap -F pcapng OLD NEW`")]
    Unsupported {
        /// Bytes from the start of the (inflated) file.
        offset: u64,
        /// What it is.
        what: String,
    },
    /// The file ends in the middle of something.
    #[error("the file is cut: {what} at byte {offset} is incomplete")]
    Cut {
        /// Bytes from the start of the (inflated) file.
        offset: u64,
        /// What is incomplete.
        what: &'static str,
    },
    /// Something that cannot be.
    #[error("the file is damaged at byte {offset}: {what}; get a new copy of it")]
    Damaged {
        /// Bytes from the start of the (inflated) file.
        offset: u64,
        /// What is there.
        what: String,
    },
    /// The system, or the inflating, failed.
    #[error("cannot read on after byte {offset}: {source}")]
    Unreadable {
        /// Bytes from the start of the (inflated) file.
        offset: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Fault {
    fn damaged(offset: u64, what: impl Into<String>) -> Self {
        Self::Damaged { offset, what: what.into() }
    }
}

/// The order of the bytes in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endian {
    Big,
    Little,
}

impl Endian {
    /// A number of four bytes; 0 where there are none, which no caller lets happen.
    #[inline]
    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let Some(bytes) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) else { return 0 };
        match self {
            Self::Big => u32::from_be_bytes(*bytes),
            Self::Little => u32::from_le_bytes(*bytes),
        }
    }

    #[inline]
    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let Some(bytes) = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()) else { return 0 };
        match self {
            Self::Big => u16::from_be_bytes(*bytes),
            Self::Little => u16::from_le_bytes(*bytes),
        }
    }
}

/// A capture file, read from its start to its end.
#[derive(Debug)]
pub struct CaptureFile<R> {
    window: Window<R>,
    format: Format,
    /// Bytes of the packet given out last.
    unconsumed: usize,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl<R: Read> CaptureFile<R> {
    /// Finds out what the file is.
    pub fn open(input: R) -> Result<Self, Fault> {
        let mut window = Window::new(input);
        let start = match window.peek(4).and_then(|start| start.first_chunk::<4>()) {
            Some(start) => *start,
            None => return Err(no_start(&mut window)),
        };
        let format = if start == pcapng::SECTION_HEADER {
            Format::Pcapng(Pcapng::default())
        } else if let Some(kind) = pcap::Kind::of(start) {
            Format::Pcap(Pcap::open(kind, &mut window)?)
        } else {
            return Err(Fault::NoCapture { start: hex(&start) });
        };
        Ok(Self { window, format, unconsumed: 0 })
    }

    /// What the file is, for people.
    pub const fn format_name(&self) -> &'static str {
        match self.format {
            Format::Pcap(_) => "pcap",
            Format::Pcapng(_) => "pcapng",
        }
    }

    /// The next packet; `None` at the end of the file.
    #[inline]
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Fault> {
        self.window.consume(std::mem::take(&mut self.unconsumed));
        let found = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.window)?,
            Format::Pcapng(pcapng) => pcapng.next(&mut self.window)?,
        };
        let Some(found) = found else { return Ok(None) };
        self.unconsumed = found.total;
        let data = self.window.peek(found.start + found.length).and_then(|bytes| bytes.get(found.start..));
        Ok(Some(Packet {
            time_us: found.time_us,
            link_type: found.link_type,
            data: data.unwrap_or_default(),
            original_length: found.original_length,
        }))
    }
}

/// A packet found at the start of the window.
struct Found {
    /// Bytes from the start of the window to its first.
    start: usize,
    /// Bytes that were kept of it.
    length: usize,
    /// Bytes from the start of the window to what follows it.
    total: usize,
    time_us: Option<i64>,
    link_type: u16,
    original_length: u32,
}

/// Looks at so many bytes, all of which have to be there.
#[inline]
fn whole<'w, R: Read>(
    window: &'w mut Window<R>,
    length: usize,
    what: &'static str,
) -> Result<&'w [u8], Fault> {
    if window.peek(length).is_none() {
        return Err(cut(window, what));
    }
    // Looked at once more, and there: the first look cannot be kept past a `return`.
    Ok(window.peek(length).unwrap_or_default())
}

/// Why the window has no more.
fn cut<R: Read>(window: &mut Window<R>, what: &'static str) -> Fault {
    let offset = window.offset();
    match window.take_error() {
        // The end of a gzip file is missing.
        Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => Fault::Cut { offset, what },
        Some(source) => Fault::Unreadable { offset: offset + window.available() as u64, source },
        None => Fault::Cut { offset, what },
    }
}

/// True at the end of the file; an error when what is left was not read.
fn is_at_end<R: Read>(window: &mut Window<R>) -> Result<bool, Fault> {
    if window.peek(1).is_some() {
        return Ok(false);
    }
    if window.has_error() { Err(cut(window, "what follows the packets")) } else { Ok(true) }
}

fn no_start<R: Read>(window: &mut Window<R>) -> Fault {
    if let Some(source) = window.take_error() {
        return Fault::Unreadable { offset: 0, source };
    }
    let length = window.available();
    match window.peek(length) {
        Some(start) if !start.is_empty() => Fault::NoCapture { start: hex(start) },
        _ => Fault::Empty,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
