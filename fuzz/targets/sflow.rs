//! sFlow v5: datagrams of any content, tunnels looked into.
#![no_main]

mod datagrams;

libfuzzer_sys::fuzz_target!(|input: &[u8]| datagrams::feed(&[&[0, 0, 0, 5]], input));
