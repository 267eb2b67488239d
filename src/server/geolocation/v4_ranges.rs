//! IPv4 ranges, for lookups that read two places in memory.
//!
//! Each /16 has a bitmap of the /24s at which a new value begins; counting bits gives the number of the value. The
//! few /24s that hold several values list them by last byte. Takes less memory than sorted ranges, and because
//! nothing is searched for, the processor works on several lookups at once.

use super::ranges::Starts;

/// Marks a value as the position of the list of a divided /24. Values are below it.
const DIVIDED: u32 = 1 << 31;

/// One /16.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Chunk {
    /// A bit for each /24 at which a run begins.
    pub(super) begins: [u64; 4],
    /// Number of the run that is under way before each of the four words; of the first run, it wraps to the largest.
    pub(super) before: [u32; 4],
}

impl Chunk {
    /// The number of the run that a /24 of this /16 is in.
    #[inline]
    pub(super) const fn run_of(&self, block: u32) -> u32 {
        let word = word_of(block);
        let begun = self.begins[word] & (u64::MAX >> (63 - block % 64));
        self.before[word].wrapping_add(begun.count_ones())
    }
}

/// From here on within a divided /24.
#[derive(Clone, Copy, Debug)]
struct Part {
    last_byte: u8,
    is_last: bool,
    value: u32,
}

/// A mapping from every IPv4 address to a value below 2³¹.
#[derive(Debug, Default)]
pub(super) struct V4Ranges {
    chunks: Vec<Chunk>,
    /// Values of the runs of /24s, in the order of addresses.
    runs: Vec<u32>,
    parts: Vec<Part>,
}

impl V4Ranges {
    /// Takes the starts of ranges, rising from address 0, with their values.
    pub(super) fn new(ranges: &Starts) -> Self {
        if ranges.values.iter().all(|value| *value == 0) {
            return Self::default();
        }
        let mut built = Self { chunks: vec![Chunk::default(); 1 << 16], ..Self::default() };
        // Every start came from an IPv4 address.
        let starts = || ranges.starts.iter().filter_map(|start| u32::try_from(*start).ok());
        let ends = starts().skip(1).map(|start| start - 1).chain([u32::MAX]);
        for ((start, end), value) in starts().zip(ends).zip(&ranges.values) {
            built.add(start, end, *value);
        }
        let mut run = u32::MAX;
        for chunk in &mut built.chunks {
            for (begins, before) in chunk.begins.iter().zip(&mut chunk.before) {
                *before = run;
                run = run.wrapping_add(begins.count_ones());
            }
        }
        built.runs.shrink_to_fit();
        built.parts.shrink_to_fit();
        built
    }

    fn add(&mut self, start: u32, end: u32, value: u32) {
        let [.., last_byte] = start.to_be_bytes();
        let (mut block, last_block) = (start >> 8, end >> 8);
        if last_byte != 0 {
            // The range before this one began the list.
            if let Some(before) = self.parts.last_mut() {
                before.is_last = false;
            }
            self.parts.push(Part { last_byte, is_last: true, value });
            if block == last_block {
                return;
            }
            block += 1;
        }
        let ends_inside = end & 0xff != 0xff;
        if block < last_block || !ends_inside {
            self.begin_run(block, value);
        }
        if ends_inside {
            // A file has far fewer ranges than the 2³¹ that would collide with the mark.
            let list = u32::try_from(self.parts.len()).unwrap_or(0);
            self.begin_run(last_block, DIVIDED | list);
            self.parts.push(Part { last_byte: 0, is_last: true, value });
        }
    }

    fn begin_run(&mut self, block: u32, value: u32) {
        if let Some(begins) =
            self.chunks.get_mut(chunk_of(block)).and_then(|chunk| chunk.begins.get_mut(word_of(block)))
        {
            *begins |= 1 << (block % 64);
            self.runs.push(value);
        }
    }

    /// True when nothing is known of any address.
    pub(super) const fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// At which of the 64 /24s from this one on a run begins, the first in the lowest bit.
    pub(super) fn begins(&self, first_block: u32) -> u64 {
        self.chunks.get(chunk_of(first_block)).map_or(0, |chunk| chunk.begins[word_of(first_block)])
    }

    /// The value of an address; 0 when nothing is known.
    #[inline]
    pub(super) fn find(&self, address: u32) -> u32 {
        self.resolve(self.value_of_run(self.run_of(address)), address)
    }

    /// The first of three steps of [`Self::find`], each of which waits for memory once: the run that an address is in.
    #[inline]
    pub(super) fn run_of(&self, address: u32) -> u32 {
        let block = address >> 8;
        self.chunks.get(chunk_of(block)).map_or(u32::MAX, |chunk| chunk.run_of(block))
    }

    /// The second step: the value of a run, or that it is divided.
    #[inline]
    pub(super) fn value_of_run(&self, run: u32) -> u32 {
        usize::try_from(run).ok().and_then(|run| self.runs.get(run)).copied().unwrap_or(0)
    }

    /// The third step: the value of an address in its run.
    #[inline]
    pub(super) fn resolve(&self, value: u32, address: u32) -> u32 {
        if value & DIVIDED == 0 { value } else { self.find_part(value & !DIVIDED, address) }
    }

    fn find_part(&self, list: u32, address: u32) -> u32 {
        let [.., last_byte] = address.to_be_bytes();
        let mut value = 0;
        for part in self.parts.iter().skip(usize::try_from(list).unwrap_or(usize::MAX)) {
            if part.last_byte > last_byte {
                break;
            }
            value = part.value;
            if part.is_last {
                break;
            }
        }
        value
    }

    /// Every value that is not 0, with the number of addresses of each of its ranges.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (u32, u64)> {
        let blocks = || {
            let words = self.chunks.iter().flat_map(|chunk| chunk.begins);
            (0_u64..).zip(words).flat_map(|(word, begins)| {
                // Each step takes the lowest bit away.
                let left = |bits: u64| (bits != 0).then_some(bits);
                std::iter::successors(left(begins), move |bits| left(bits & (bits - 1)))
                    .map(move |bits| word * 64 + u64::from(bits.trailing_zeros()))
            })
        };
        let ends = blocks().skip(1).chain([1 << 24]);
        let runs = blocks().zip(ends).zip(&self.runs);
        runs.flat_map(|((block, end), value)| {
            let is_divided = value & DIVIDED != 0;
            let whole = (!is_divided).then_some((*value, (end - block) * 256));
            let parts = is_divided.then(|| self.part_sizes(value & !DIVIDED)).into_iter().flatten();
            whole.into_iter().chain(parts)
        })
        .filter(|(value, _)| *value != 0)
    }

    fn part_sizes(&self, list: u32) -> impl Iterator<Item = (u32, u64)> {
        let parts = self.parts.get(usize::try_from(list).unwrap_or(usize::MAX)..).unwrap_or_default();
        let length = parts.iter().position(|part| part.is_last).map_or(0, |last| last + 1);
        let parts = parts.iter().take(length);
        let ends = parts.clone().skip(1).map(|part| u64::from(part.last_byte)).chain([256]);
        parts.zip(ends).map(|(part, end)| (part.value, end - u64::from(part.last_byte)))
    }

    /// Memory it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * size_of::<Chunk>() + self.runs.len() * 4 + self.parts.len() * size_of::<Part>()
    }
}

#[inline]
const fn chunk_of(block: u32) -> usize {
    (block >> 8) as usize
}

#[inline]
const fn word_of(block: u32) -> usize {
    ((block >> 6) & 3) as usize
}
