//! How far the answer to a question is.

use serde::{Deserialize, Serialize};

/// How far the answer to a question is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Parts that are read.
    pub done: u64,
    /// Parts there are; 0 while that is not known.
    pub total: u64,
}
