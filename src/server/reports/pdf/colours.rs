//! The colours of a PDF: those of the light theme (`style/tokens.css`, `style/shade.css`).

use krilla::color::rgb;

use crate::components::drawing::Ink;

/// Red, green, blue.
pub type Colour = [u8; 3];

/// `--text`.
pub const TEXT: Colour = [0x10, 0x1a, 0x2c];
/// `--text-soft`.
pub const SOFT: Colour = [0x42, 0x52, 0x6b];
/// `--text-faint`.
pub const FAINT: Colour = [0x5a, 0x6a, 0x83];
/// `--line`.
pub const LINE: Colour = [0xd9, 0xe1, 0xec];
/// `--line-strong`.
pub const STRONG_LINE: Colour = [0x8f, 0xa0, 0xb8];
/// `--surface-raised`.
pub const RAISED: Colour = [0xf4, 0xf7, 0xfb];
/// `--surface-hover`.
pub const HOVER: Colour = [0xe6, 0xed, 0xf6];
/// `--accent`.
pub const ACCENT: Colour = [0x00, 0x69, 0xa8];
/// `--map-coast`.
pub const COAST: Colour = [0x9f, 0xb0, 0xc6];

/// `--series-1` to `--series-12`.
const SERIES: [Colour; 12] = [
    [0x0b, 0x6b, 0xcb],
    [0xc2, 0x57, 0x0c],
    [0x0a, 0x8a, 0x5f],
    [0xc2, 0x25, 0x5c],
    [0x8a, 0x6d, 0x00],
    [0x67, 0x41, 0xd9],
    [0x0a, 0x83, 0x94],
    [0x9c, 0x2c, 0x13],
    [0x4f, 0x7a, 0x12],
    [0xa0, 0x3f, 0xb8],
    [0x7a, 0x53, 0x27],
    [0x3b, 0x4f, 0xc4],
];
/// `--series-other`.
const OTHER: Colour = [0x9a, 0xa7, 0xb8];

/// `--shade-0` to `--shade-7`.
const SHADES: [Colour; 8] = [
    [0xf1, 0xdd, 0x4f],
    [0xb4, 0xd8, 0x4a],
    [0x73, 0xc5, 0x6b],
    [0x3c, 0xae, 0x83],
    [0x27, 0x8e, 0x90],
    [0x2f, 0x6e, 0x8e],
    [0x40, 0x48, 0x88],
    [0x3a, 0x0f, 0x5e],
];

/// The colour of an ink; a number that there is none of takes the grey one.
pub fn of(ink: Ink) -> Colour {
    let numbered = |colours: &[Colour], number: u8| {
        usize::from(number).checked_sub(1).and_then(|at| colours.get(at).copied()).unwrap_or(OTHER)
    };
    match ink {
        Ink::Text => TEXT,
        Ink::Muted => FAINT,
        Ink::Grid => LINE,
        Ink::Series(number) => numbered(&SERIES, number),
        Ink::Before => STRONG_LINE,
        Ink::Gap | Ink::Land => HOVER,
        Ink::Heat(class) => numbered(&SHADES, class),
        Ink::Ground => [0xff, 0xff, 0xff],
    }
}

/// As krilla takes it.
pub fn paint([red, green, blue]: Colour) -> rgb::Color {
    rgb::Color::new(red, green, blue)
}
