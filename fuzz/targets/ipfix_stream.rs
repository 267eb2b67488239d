//! IPFIX over a stream: however it is cut, the same messages come out of it; and what they say adds up.
#![no_main]

use std::net::SocketAddr;
use std::sync::Arc;

use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::wire::ipfix_framing::Framer;

const RECEIVED_US: i64 = 1_790_000_000_000_000;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let (cuts, stream) = input.split_at(input.len().min(8));
    let whole = messages(stream, &[]);
    assert_eq!(messages(stream, cuts), whole);
    let mut intake = Intake::new(Limits::default(), Arc::default());
    let peer = SocketAddr::from(([192, 0, 2, 1], 40_000));
    let mut flows = Vec::new();
    for message in whole.iter().flatten() {
        intake.stream_message(1, peer, RECEIVED_US, message, &mut flows);
        assert_eq!(intake.counters().imbalance(), None);
    }
    intake.stream_ended(1, peer);
    assert_eq!(intake.counters().traffic.flows, flows.len() as u64);
    assert!(intake.exporters().iter().all(|exporter| exporter.templates.is_empty()));
});

/// The messages of a stream that arrives in portions of these sizes, the last of them again and again; an error
/// ends it.
fn messages(mut stream: &[u8], cuts: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut framer = Framer::default();
    let mut messages = Vec::new();
    let mut cuts = cuts.iter().map(|&cut| usize::from(cut) + 1);
    let mut portion = usize::MAX;
    loop {
        portion = cuts.next().unwrap_or(portion);
        let taken = framer.push(&stream[..portion.min(stream.len())]);
        stream = &stream[taken..];
        loop {
            match framer.next_message() {
                Some(Ok(message)) => messages.push(Some(message.to_vec())),
                Some(Err(_)) => {
                    messages.push(None);
                    return messages;
                }
                None => break,
            }
        }
        if stream.is_empty() {
            return messages;
        }
        assert!(taken > 0, "it takes something or gives a message");
    }
}
