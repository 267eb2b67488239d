//! Words in Inter: cleaned, shaped, measured, and broken into lines.
//!
//! Names come from the network and can hold anything. What steers text (bidirectional marks, control characters, what
//! has no width) is taken out; a character that Inter does not have is shown as a box and stays itself in the text that
//! a reader selects. All text runs from left to right.

use std::sync::LazyLock;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::ttf_parser::Tag;
use rustybuzz::{Direction, Face, Feature, ShapePlan, UnicodeBuffer, script, shape_with_plan};

use super::PdfError;
use crate::model::plain_text::plain_at_most;

const REGULAR: &[u8] = include_bytes!("fonts/Inter-Regular.otf");
const SEMI_BOLD: &[u8] = include_bytes!("fonts/Inter-SemiBold.otf");
/// Shown for a character without a glyph: a white square.
const BOX: char = '\u{25a1}';
/// Most characters of a sentence that are shown; what is longer ends with an ellipsis.
const LONGEST_TEXT: usize = 10_000;
/// The same of a name, so that a row of a table has room on a page.
const LONGEST_NAME: usize = 400;

/// How bold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// Words.
    #[default]
    Regular,
    /// Headings, and what counts.
    SemiBold,
}

/// A shaped line, in ems.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The text of the glyphs.
    pub text: String,
    /// The glyphs.
    pub glyphs: Vec<KrillaGlyph>,
    /// Its advance.
    pub width: f32,
}

/// A face with what shapes it.
struct Typeface {
    face: Face<'static>,
    plan: ShapePlan,
    font: Font,
}

/// The two faces of a PDF.
pub struct Typefaces {
    regular: Typeface,
    semi_bold: Typeface,
}

impl Typeface {
    fn new(bytes: &'static [u8]) -> Option<Self> {
        let face = Face::from_slice(bytes, 0)?;
        // Figures of one width stand below each other.
        let features = [Feature::new(Tag::from_bytes(b"tnum"), 1, ..)];
        let plan = ShapePlan::new(&face, Direction::LeftToRight, Some(script::LATIN), None, &features);
        Some(Self { plan, face, font: Font::new(bytes.into(), 0)? })
    }

    #[expect(clippy::cast_precision_loss, reason = "units of a font are far below what a float holds")]
    fn shape(&self, text: &str) -> Run {
        let em = self.face.units_per_em() as f32;
        let mut buffer = UnicodeBuffer::new();
        buffer.set_direction(Direction::LeftToRight);
        buffer.set_script(script::LATIN);
        for (at, character) in text.char_indices() {
            let is_known = self.face.glyph_index(character).is_some();
            buffer.add(if is_known { character } else { BOX }, u32::try_from(at).unwrap_or(u32::MAX));
        }
        let shaped = shape_with_plan(&self.face, &self.plan, buffer);
        let starts: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
        let mut glyphs = Vec::with_capacity(starts.len());
        let mut width = 0.0;
        for (at, (info, position)) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()).enumerate() {
            let start = info.cluster as usize;
            let next = starts.get(at..).unwrap_or_default().iter().find(|next| **next > start);
            let advance = position.x_advance as f32 / em;
            width += advance;
            glyphs.push(KrillaGlyph::new(
                GlyphId::new(info.glyph_id),
                advance,
                position.x_offset as f32 / em,
                position.y_offset as f32 / em,
                position.y_advance as f32 / em,
                start..next.copied().unwrap_or(text.len()),
                None,
            ));
        }
        Run { text: text.to_owned(), glyphs, width }
    }
}

impl Typefaces {
    /// The faces, read once in a process.
    pub fn shared() -> Result<&'static Self, PdfError> {
        static FACES: LazyLock<Option<Typefaces>> = LazyLock::new(|| {
            Some(Typefaces { regular: Typeface::new(REGULAR)?, semi_bold: Typeface::new(SEMI_BOLD)? })
        });
        FACES.as_ref().ok_or(PdfError::Font)
    }

    const fn face(&self, weight: Weight) -> &Typeface {
        match weight {
            Weight::Regular => &self.regular,
            Weight::SemiBold => &self.semi_bold,
        }
    }

    /// The face as krilla takes it.
    pub fn font(&self, weight: Weight) -> Font {
        self.face(weight).font.clone()
    }

    /// Shapes a line of clean text.
    pub fn shape(&self, weight: Weight, text: &str) -> Run {
        self.face(weight).shape(text)
    }

    /// Breaks clean text into lines of at most `width`, each with the width that it has. A word that is wider than a
    /// line is broken where the line is full.
    pub fn wrap(&self, weight: Weight, size: f32, text: &str, width: f32) -> Vec<String> {
        let measure = |text: &str| self.shape(weight, text).width * size;
        let text = text.trim();
        if measure(text) <= width {
            return vec![text.to_owned()];
        }
        let space = measure(" ");
        let mut lines = Vec::new();
        let mut line = String::new();
        let mut used = 0.0;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let wide = measure(word);
            if !line.is_empty() && used + space + wide > width {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            if wide <= width {
                if !line.is_empty() {
                    line.push(' ');
                    used += space;
                }
                line.push_str(word);
                used += wide;
                continue;
            }
            for character in word.chars() {
                let wide = measure(character.encode_utf8(&mut [0; 4]));
                if used + wide > width && !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                    used = 0.0;
                }
                line.push(character);
                used += wide;
            }
        }
        lines.push(line);
        lines
    }
}

/// Text without what steers it: one line, spaces instead of other white space, a replacement character for control
/// characters, and nothing of what has no width or turns the direction.
pub fn clean(text: &str) -> String {
    plain_at_most(LONGEST_TEXT, text)
}

/// The same for a name in a table or a heading.
pub fn clean_name(name: &str) -> String {
    plain_at_most(LONGEST_NAME, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_very_long_name_ends_with_an_ellipsis() {
        assert_eq!(clean_name(&"x".repeat(2_000)).chars().count(), LONGEST_NAME + 1);
    }

    #[test]
    fn a_character_without_a_glyph_is_a_box_and_keeps_its_text() {
        let faces = Typefaces::shared().unwrap();
        let run = faces.shape(Weight::Regular, "a東b");
        let square = faces.shape(Weight::Regular, "\u{25a1}");
        assert_eq!(run.glyphs.len(), 3);
        assert_eq!(run.glyphs[1].glyph_id, square.glyphs[0].glyph_id);
        assert_eq!(&run.text[run.glyphs[1].text_range.clone()], "東");
        assert!(run.glyphs.iter().all(|glyph| glyph.glyph_id.to_u32() != 0));
    }

    #[test]
    fn figures_are_of_one_width() {
        let faces = Typefaces::shared().unwrap();
        for weight in [Weight::Regular, Weight::SemiBold] {
            let widths = (0..10).map(|digit| faces.shape(weight, &digit.to_string()).width);
            let zero = faces.shape(weight, "0").width;
            assert!(widths.into_iter().all(|width| (width - zero).abs() < 2e-3));
        }
    }

    #[test]
    fn no_line_is_wider_than_there_is_room_and_none_of_the_text_is_lost() {
        let faces = Typefaces::shared().unwrap();
        let text = format!("A few words and {} then 12\u{202f}345\u{202f}678 bytes", "long".repeat(60));
        for width in [40.0, 90.0, 300.0] {
            let lines = faces.wrap(Weight::Regular, 9.0, &text, width);
            for line in &lines {
                assert!(faces.shape(Weight::Regular, line).width * 9.0 <= width + 1.0, "{line}");
            }
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
    }
}
