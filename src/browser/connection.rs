//! What a stream tells the page, and how long it waits before it tries again.

use crate::model::frame::Message;

/// State of the connection to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// The first attempt is on its way, or no browser has taken over yet.
    #[default]
    Starting,
    /// Messages arrive.
    Open,
    /// It was lost; this many attempts failed since.
    Lost {
        /// Failed attempts since it was open, from 1.
        attempts: u32,
    },
}

/// What a stream tells the page.
#[derive(Debug)]
pub enum StreamEvent {
    /// The connection changed.
    Connection(Connection),
    /// A message of the server.
    Message(Box<Message>),
}

/// The longest wait between two attempts, in milliseconds.
pub const LONGEST_WAIT_MS: u32 = 10_000;
/// The shortest, in milliseconds.
pub const SHORTEST_WAIT_MS: u32 = 500;

/// Milliseconds to wait before the attempt after `attempts` failed ones: doubling, and then less by up to half,
/// by `chance` (0 to 1), so that a thousand pages do not come back at the same moment.
pub fn wait_ms(attempts: u32, chance: f64) -> u32 {
    let doubled = SHORTEST_WAIT_MS.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    let full = f64::from(doubled.min(LONGEST_WAIT_MS));
    let wait = full * (1.0 - chance.clamp(0.0, 1.0) / 2.0);
    // Between 250 and 10,000.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just above")]
    let whole = wait as u32;
    whole.max(SHORTEST_WAIT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_bound() {
        assert_eq!(wait_ms(1, 0.0), 500);
        assert_eq!(wait_ms(2, 0.0), 1000);
        assert_eq!(wait_ms(4, 0.0), 4000);
        assert_eq!(wait_ms(40, 0.0), LONGEST_WAIT_MS);
    }

    #[test]
    fn chance_spreads_the_attempts_and_never_below_the_shortest_wait() {
        assert_eq!(wait_ms(40, 1.0), LONGEST_WAIT_MS / 2);
        assert_eq!(wait_ms(1, 1.0), SHORTEST_WAIT_MS);
    }
}
