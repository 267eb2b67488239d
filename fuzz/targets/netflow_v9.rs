//! NetFlow v9: datagrams of any content, templates, options and data.
#![no_main]

mod datagrams;

libfuzzer_sys::fuzz_target!(|input: &[u8]| datagrams::feed(&[&[0, 9]], input));
