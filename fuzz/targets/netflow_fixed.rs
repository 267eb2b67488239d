//! NetFlow v1, v5 and v7, whose records have fixed layouts: datagrams of any content.
#![no_main]

mod datagrams;

libfuzzer_sys::fuzz_target!(|input: &[u8]| datagrams::feed(&[&[0, 1], &[0, 5], &[0, 7]], input));
