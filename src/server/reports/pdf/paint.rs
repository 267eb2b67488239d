//! A laid out report as the bytes of a PDF.

use krilla::configure::Configuration;
use krilla::destination::XyzDestination;
use krilla::error::KrillaError;
use krilla::geom::{Point, Size, Transform};
use krilla::image::Image;
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ContentTag, Identifier, Node, TagGroup, TagTree};
use krilla::{Document, SerializeSettings};

use super::colours::{self, Colour};
use super::sheet::{Branch, Laid, Leaf, Mark, Piece, Twig};
use super::typeface::Typefaces;

/// Writes a laid out report.
pub fn write(
    laid: &Laid,
    faces: &Typefaces,
    logo: Option<&Image>,
    metadata: Metadata,
    configuration: Configuration,
) -> Result<Vec<u8>, KrillaError> {
    let mut document =
        Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let mut identifiers: Vec<Option<Identifier>> = vec![None; laid.leaves];
    for sheet in &laid.sheets {
        let Some(settings) = PageSettings::from_wh(laid.size.0, laid.size.1) else { continue };
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for piece in &sheet.pieces {
            draw_piece(&mut surface, piece, faces, logo, &mut identifiers);
        }
        surface.finish();
        page.finish();
    }
    let mut tree = TagTree::new();
    for branch in &laid.tree {
        tree.push(group(branch, &mut identifiers));
    }
    document.set_tag_tree(tree.with_lang(Some("en".to_owned())));
    let mut outline = Outline::new();
    for mark in &laid.bookmarks {
        let place = XyzDestination::new(mark.sheet, Point::from_xy(0.0, (mark.y - 12.0).max(0.0)));
        outline.push_child(OutlineNode::new(mark.title.clone(), place));
    }
    document.set_outline(outline);
    document.set_metadata(metadata);
    document.finish()
}

fn group(branch: &Branch, identifiers: &mut [Option<Identifier>]) -> TagGroup {
    let mut group = TagGroup::new(branch.tag.clone());
    for twig in &branch.twigs {
        match twig {
            Twig::Branch(branch) => group.push(self::group(branch, identifiers)),
            Twig::Leaf(leaf) => {
                if let Some(identifier) = identifiers.get_mut(*leaf).and_then(Option::take) {
                    group.push(Node::Leaf(identifier));
                }
            }
        }
    }
    group
}

fn draw_piece(
    surface: &mut Surface<'_>,
    piece: &Piece,
    faces: &Typefaces,
    logo: Option<&Image>,
    identifiers: &mut [Option<Identifier>],
) {
    let (leaf, tag) = match &piece.leaf {
        Leaf::Artifact(kind) => (None, ContentTag::Artifact(Artifact::with_kind(*kind))),
        Leaf::Content(leaf) => (Some(*leaf), ContentTag::Other),
    };
    let identifier = surface.start_tagged(tag);
    if let Some(slot) = leaf.and_then(|leaf| identifiers.get_mut(leaf)) {
        *slot = Some(identifier);
    }
    let mut clips = 0_usize;
    for mark in &piece.marks {
        draw_mark(surface, mark, faces, logo, &mut clips);
    }
    for _ in 0..clips {
        surface.pop();
    }
    surface.end_tagged();
}

fn draw_mark(
    surface: &mut Surface<'_>,
    mark: &Mark,
    faces: &Typefaces,
    logo: Option<&Image>,
    clips: &mut usize,
) {
    match mark {
        Mark::Text { x, y, size, weight, colour, run } => {
            surface.set_fill(Some(filled(*colour)));
            surface.set_stroke(None);
            let font = faces.font(*weight);
            surface.draw_glyphs(Point::from_xy(*x, *y), &run.glyphs, font, &run.text, *size, false);
        }
        Mark::Shape { path, fill, stroke } => {
            surface.set_fill(fill.map(filled));
            surface.set_stroke(stroke.map(|stroke| Stroke {
                paint: colours::paint(stroke.colour).into(),
                width: stroke.width,
                dash: stroke.is_dashed.then(|| StrokeDash { array: vec![3.0, 2.0], offset: 0.0 }),
                ..Stroke::default()
            }));
            surface.draw_path(path);
        }
        Mark::Clip(path) => {
            surface.push_clip_path(path, &FillRule::NonZero);
            *clips += 1;
        }
        Mark::Unclip => {
            if let Some(left) = clips.checked_sub(1) {
                surface.pop();
                *clips = left;
            }
        }
        Mark::Logo([x, y, width, height]) => {
            if let (Some(logo), Some(size)) = (logo, Size::from_wh(*width, *height)) {
                surface.push_transform(&Transform::from_translate(*x, *y));
                surface.draw_image(logo.clone(), size);
                surface.pop();
            }
        }
    }
}

fn filled(colour: Colour) -> Fill {
    Fill { paint: colours::paint(colour).into(), opacity: NormalizedF32::ONE, rule: FillRule::EvenOdd }
}
