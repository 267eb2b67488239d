//! IPFIX over UDP: messages of any content, templates, options and data.
#![no_main]

mod datagrams;

libfuzzer_sys::fuzz_target!(|input: &[u8]| datagrams::feed(&[&[0, 10]], input));
