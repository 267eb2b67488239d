//! The logo above the title.

use krilla::image::Image;
use krilla::tagging::Tag;

use super::composer::{Composer, count};
use super::sheet::Mark;

/// Largest size on the page, in points.
const LARGEST: (f32, f32) = (160.0, 44.0);
/// Most pixels of a picture that is read: it is unpacked in memory.
const MOST_PIXELS: u64 = 16_000_000;

/// Reads a PNG or JPEG; `None` with a warning in the log when it is none, or too large.
pub fn read(bytes: &[u8]) -> Option<Image> {
    let read = if bytes.starts_with(b"\x89PNG") { Image::from_png } else { Image::from_jpeg };
    let image = match read(bytes.to_vec().into(), false) {
        Ok(image) => image,
        Err(error) => {
            tracing::warn!(error, "the logo is left out: it is no PNG and no JPEG");
            return None;
        }
    };
    let (width, height) = image.size();
    let fits = u64::from(width) * u64::from(height) <= MOST_PIXELS && width > 0 && height > 0;
    if !fits {
        tracing::warn!(width, height, "the logo is left out: it has more than {MOST_PIXELS} pixels");
    }
    fits.then_some(image)
}

/// Draws it at the cursor.
pub fn draw(composer: &mut Composer, image: &Image) {
    let (width, height) = image.size();
    let pixels = |pixels: u32| count(usize::try_from(pixels).unwrap_or_default());
    let (width, height) = (pixels(width), pixels(height));
    let scale = (LARGEST.0 / width).min(LARGEST.1 / height);
    let place = [Composer::LEFT, composer.y, width * scale, height * scale];
    composer.within(Tag::Figure(Some("Logo".to_owned())), |composer| {
        composer.content(vec![Mark::Logo(place)]);
    });
    composer.y += height * scale + 14.0;
}
