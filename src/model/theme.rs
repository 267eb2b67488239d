//! Dark or light.

/// Name of the cookie that remembers the choice.
pub const COOKIE: &str = "meridian_theme";

/// How the page looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Light on blue-black.
    #[default]
    Dark,
    /// Dark on white.
    Light,
}

impl Theme {
    /// The word in the cookie and in `data-theme`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Dark, Self::Light].into_iter().find(|theme| theme.name() == text)
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Dark,
        }
    }
}
