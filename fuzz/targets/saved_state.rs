//! The saved state of the collector: any bytes are refused or restored within the limits, and what was restored is
//! saved and read again.
#![no_main]

use std::sync::Arc;

use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::collector::saved_state::{self, SavedState};

const NOW_US: i64 = 1_790_000_000_000_000;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    assert!(saved_state::parse(input).is_err() || input.starts_with(b"meridian"));
    // The checksum would keep all that is interesting out.
    let Ok(state) = saved_state::parse(&sealed(input)) else { return };
    let limits = Limits { exporters: 8, sessions: 16, templates_per_exporter: 16, ..Limits::default() };
    let mut intake = Intake::new(limits, Arc::default());
    let exporters = state.exporters.len();
    let restored = intake.restore(state.exporters, NOW_US);
    assert!(restored.exporters <= exporters.min(limits.exporters));
    intake.expire(NOW_US);
    let again = SavedState { exporters: intake.saved() };
    let bytes = again.to_bytes().expect("what is in memory can be written");
    assert_eq!(saved_state::parse(&bytes), Ok(again));
});

/// A file with this content.
fn sealed(content: &[u8]) -> Vec<u8> {
    let empty = SavedState::default().to_bytes().expect("an empty state can be written");
    let checksum = content.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let length = (content.len() as u64).to_le_bytes();
    [&empty[..16], &length, &checksum.to_le_bytes(), content].concat()
}
