//! Two IPv4 mappings as one: what a lookup of the place and the AS of an address reads in memory, it reads once.
//!
//! Holds no more than the runs of both, side by side; what is divided within a /24 each mapping still resolves itself.

use super::ranges::{LANES, Lanes};
use super::v4_ranges::{Chunk, V4Ranges};

/// Both values at every IPv4 address, as far as they are equal in all of a /24.
#[derive(Debug)]
pub(super) struct V4Pairs {
    chunks: Vec<Chunk>,
    runs: Vec<[u32; 2]>,
}

impl V4Pairs {
    /// Puts two mappings together.
    pub(super) fn new(of: [&V4Ranges; 2]) -> Self {
        let mut chunks = vec![Chunk::default(); 1 << 16];
        let mut runs = Vec::new();
        for (number, chunk) in (0_u32..).zip(&mut chunks) {
            for (word, (begins, before)) in (0..4).zip(chunk.begins.iter_mut().zip(&mut chunk.before)) {
                let first_block = number << 8 | word << 6;
                *before = u32::try_from(runs.len()).unwrap_or(u32::MAX).wrapping_sub(1);
                *begins = of.iter().fold(0, |begins, mapping| begins | mapping.begins(first_block));
                let mut left = *begins;
                while left != 0 {
                    let address = (first_block | left.trailing_zeros()) << 8;
                    runs.push(of.map(|mapping| mapping.value_of_run(mapping.run_of(address))));
                    left &= left - 1;
                }
            }
        }
        runs.shrink_to_fit();
        Self { chunks, runs }
    }

    /// The values of many addresses of both mappings, step by step together; 0 for those of the other family.
    pub(super) fn find_each(&self, of: [&V4Ranges; 2], addresses: &Lanes) -> [[u32; 2]; LANES] {
        let mut runs = [u32::MAX; LANES];
        for (run, address) in runs.iter_mut().zip(&addresses.v4) {
            let block = address >> 8;
            if let Some(chunk) = self.chunks.get((block >> 8) as usize) {
                *run = chunk.run_of(block);
            }
        }
        let mut values = [[0; 2]; LANES];
        for (values, run) in values.iter_mut().zip(runs) {
            *values =
                usize::try_from(run).ok().and_then(|run| self.runs.get(run)).copied().unwrap_or_default();
        }
        for ((values, address), is_v6) in values.iter_mut().zip(&addresses.v4).zip(addresses.is_v6) {
            let [first, second] = *values;
            let [of_first, of_second] = of;
            *values = if is_v6 {
                [0; 2]
            } else {
                [of_first.resolve(first, *address), of_second.resolve(second, *address)]
            };
        }
        values
    }

    /// Memory it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * size_of::<Chunk>() + self.runs.len() * size_of::<[u32; 2]>()
    }
}
