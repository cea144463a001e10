//! The characters of texts: normalization, and the sets that a text may not consist of or contain.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// A text in Normalization Form C: the same words are the same text, independent of the keyboard or file system.
pub fn normalize(text: &str) -> Cow<'_, str> {
    const { ComposingNormalizerBorrowed::new_nfc() }.normalize(text)
}

/// Whether a character is a line break or a tab, which long texts may have.
pub fn is_layout(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// Whether a character overrides, embeds or isolates the direction of the text around it. These turn `gpj.exe` into
/// `exe.jpg` for a reader. The marks U+200E, U+200F and U+061C only place neutral characters in Hebrew and Arabic
/// texts, and stay allowed.
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character is visible to a reader.
pub fn is_visible(c: char) -> bool {
    const BLANK_BRAILLE: char = '\u{2800}';
    !c.is_whitespace() && !c.is_control() && !is_ignorable(c) && c != BLANK_BRAILLE
}

/// Unicode's property `Default_Ignorable_Code_Point`: joiners, fillers, variation selectors, tags.
pub fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{034F}'
            | '\u{061C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

#[cfg(test)]
mod tests {
    use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};

    use super::*;

    #[test]
    fn the_ignorable_characters_are_those_of_unicode() {
        let unicode = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        for c in '\0'..=char::MAX {
            assert_eq!(is_ignorable(c), unicode.contains(c), "U+{:04X}", u32::from(c));
        }
    }

    #[test]
    fn syllables_are_composed() {
        let decomposed = "\u{1100}\u{1175}\u{11B7}\u{1106}\u{1175}\u{11AB}\u{1109}\u{116E}";
        assert_eq!(normalize(decomposed), "김민수");
        assert_eq!(normalize("김민수"), "김민수");
    }

    #[test]
    fn fillers_and_joiners_alone_are_invisible() {
        for c in ['\u{200B}', '\u{3164}', '\u{115F}', '\u{2800}', '\u{FE0F}', '\u{E0041}', ' ', '\u{3000}', '\0'] {
            assert!(!is_visible(c), "U+{:04X}", u32::from(c));
        }
        assert!("김aé1-👨".chars().all(is_visible));
    }
}
