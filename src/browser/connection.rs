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

/// A connection that spoke and is silent for so long is dead, in milliseconds: the server speaks every second.
const SILENCE_MS: u32 = 6_000;
/// How long a connection has to say its first word at first, in milliseconds, and at most after failed attempts.
const FIRST_WORD_MS: u32 = 15_000;
const LONGEST_FIRST_WORD_MS: u32 = 60_000;

/// Milliseconds without a word after which a connection is given up. One that has not spoken yet gets twice as long after
/// each failed attempt: a server that is slow to answer becomes no faster by being asked anew.
pub fn patience_ms(has_spoken: bool, attempts: u32) -> u32 {
    if has_spoken {
        SILENCE_MS
    } else {
        FIRST_WORD_MS.saturating_mul(1 << attempts.min(10)).min(LONGEST_FIRST_WORD_MS)
    }
}

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
    fn a_connection_that_has_not_spoken_gets_longer_each_time_and_one_that_has_does_not() {
        assert_eq!(
            [0, 1, 2, 40].map(|attempts| patience_ms(false, attempts)),
            [15_000, 30_000, 60_000, 60_000]
        );
        assert_eq!(patience_ms(true, 3), 6_000);
    }

    #[test]
    fn chance_spreads_the_attempts_and_never_below_the_shortest_wait() {
        assert_eq!(wait_ms(40, 1.0), LONGEST_WAIT_MS / 2);
        assert_eq!(wait_ms(1, 1.0), SHORTEST_WAIT_MS);
    }
}
