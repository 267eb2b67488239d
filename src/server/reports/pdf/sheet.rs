//! What a PDF shows, before it is one: sheets with marks at their places, and the tree that tells what they are.

use krilla::geom::Path;
use krilla::tagging::{ArtifactType, TagKind};

use super::colours::Colour;
use super::typeface::{Run, Weight};

/// Something on a sheet; points from its left and upper edge.
pub enum Mark {
    /// A line of text; `y` is its baseline.
    Text {
        /// Where it begins.
        x: f32,
        /// Its baseline.
        y: f32,
        /// Height of its letters (font size).
        size: f32,
        /// How bold.
        weight: Weight,
        /// Its colour.
        colour: Colour,
        /// The glyphs.
        run: Run,
    },
    /// A shape, filled by the even-odd rule, or outlined, or both.
    Shape {
        /// Its outline.
        path: Path,
        /// What it is filled with.
        fill: Option<Colour>,
        /// How it is outlined.
        stroke: Option<Stroke>,
    },
    /// Only what is within this box is seen of the marks up to the next [`Mark::Unclip`].
    Clip(Path),
    /// The end of a [`Mark::Clip`].
    Unclip,
    /// The logo, with its left, upper edge, width and height.
    Logo([f32; 4]),
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Stroke {
    /// Its colour.
    pub colour: Colour,
    /// Its width.
    pub width: f32,
    /// Whether it is dashed.
    pub is_dashed: bool,
}

/// What marks are to those who have the PDF read to them.
pub enum Leaf {
    /// Nothing: decoration, or what stands on every page.
    Artifact(ArtifactType),
    /// Content, by its number in the tree.
    Content(usize),
}

/// Marks that belong together.
pub struct Piece {
    /// What they are.
    pub leaf: Leaf,
    /// The marks, the lowest first.
    pub marks: Vec<Mark>,
}

/// A page.
#[derive(Default)]
pub struct Sheet {
    /// What is on it, the lowest first.
    pub pieces: Vec<Piece>,
}

/// A branch of the tree of tags.
pub struct Branch {
    /// What it is.
    pub tag: TagKind,
    /// What it has, in the order of reading.
    pub twigs: Vec<Twig>,
}

/// What a branch has.
pub enum Twig {
    /// Another branch.
    Branch(Branch),
    /// The content with this number.
    Leaf(usize),
}

/// An entry of the outline.
pub struct Bookmark {
    /// The heading.
    pub title: String,
    /// On which sheet, from 0.
    pub sheet: usize,
    /// How far from its upper edge.
    pub y: f32,
}

/// A laid out report.
pub struct Laid {
    /// Width and height of the sheets.
    pub size: (f32, f32),
    /// The sheets.
    pub sheets: Vec<Sheet>,
    /// The tree of tags, from its uppermost branches.
    pub tree: Vec<Branch>,
    /// Numbers of content that were given.
    pub leaves: usize,
    /// The outline.
    pub bookmarks: Vec<Bookmark>,
}
