//! Filming on the server: there is no map and nobody who looks. Only events of a browser ask for it.

use std::convert::Infallible;

use super::film::{FilmFault, FilmSize, Pane};

/// A recording that cannot be.
pub struct Recording(Infallible);

/// True on the server, which does not know better.
pub fn can_record() -> bool {
    true
}

/// Records nothing.
pub fn record(
    _panes: Vec<Pane>,
    _size: FilmSize,
    _on_visible: impl Fn(bool) + 'static,
) -> Result<Recording, FilmFault> {
    Err(FilmFault::NoMap)
}

/// Draws nothing.
pub fn picture(_name: &str, _panes: Vec<Pane>, _size: FilmSize) -> Result<(), FilmFault> {
    Err(FilmFault::NoMap)
}

impl Recording {
    /// Cannot be called.
    pub fn bytes(&self) -> u64 {
        match self.0 {}
    }

    /// Cannot be called.
    #[expect(clippy::unused_async, reason = "as in the browser")]
    pub async fn finish(self, _name: String) -> Result<u64, FilmFault> {
        match self.0 {}
    }
}
