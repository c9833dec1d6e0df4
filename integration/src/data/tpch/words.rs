//! The specification's lists of words, and texts made of them.

use super::super::Random;

pub(super) const REGIONS: [&str; 5] = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"];
/// Nations and the regions that they are in.
pub(super) const NATIONS: [(&str, u64); 25] = [
    ("ALGERIA", 0),
    ("ARGENTINA", 1),
    ("BRAZIL", 1),
    ("CANADA", 1),
    ("EGYPT", 4),
    ("ETHIOPIA", 0),
    ("FRANCE", 3),
    ("GERMANY", 3),
    ("INDIA", 2),
    ("INDONESIA", 2),
    ("IRAN", 4),
    ("IRAQ", 4),
    ("JAPAN", 2),
    ("JORDAN", 4),
    ("KENYA", 0),
    ("MOROCCO", 0),
    ("MOZAMBIQUE", 0),
    ("PERU", 1),
    ("CHINA", 2),
    ("ROMANIA", 3),
    ("SAUDI ARABIA", 4),
    ("VIETNAM", 2),
    ("RUSSIA", 3),
    ("UNITED KINGDOM", 3),
    ("UNITED STATES", 1),
];
pub(super) const SEGMENTS: [&str; 5] = ["AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD"];
pub(super) const PRIORITIES: [&str; 5] = ["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"];
pub(super) const INSTRUCTIONS: [&str; 4] = ["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"];
pub(super) const MODES: [&str; 7] = ["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"];
pub(super) const TYPES: [&[&str]; 3] = [
    &["STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"],
    &["ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"],
    &["TIN", "NICKEL", "BRASS", "STEEL", "COPPER"],
];
pub(super) const CONTAINERS: [&[&str]; 2] =
    [&["SM", "LG", "MED", "JUMBO", "WRAP"], &["CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"]];
pub(super) const COLORS: [&str; 92] = [
    "almond",
    "antique",
    "aquamarine",
    "azure",
    "beige",
    "bisque",
    "black",
    "blanched",
    "blue",
    "blush",
    "brown",
    "burlywood",
    "burnished",
    "chartreuse",
    "chiffon",
    "chocolate",
    "coral",
    "cornflower",
    "cornsilk",
    "cream",
    "cyan",
    "dark",
    "deep",
    "dim",
    "dodger",
    "drab",
    "firebrick",
    "floral",
    "forest",
    "frosted",
    "gainsboro",
    "ghost",
    "goldenrod",
    "green",
    "grey",
    "honeydew",
    "hot",
    "indian",
    "ivory",
    "khaki",
    "lace",
    "lavender",
    "lawn",
    "lemon",
    "light",
    "lime",
    "linen",
    "magenta",
    "maroon",
    "medium",
    "metallic",
    "midnight",
    "mint",
    "misty",
    "moccasin",
    "navajo",
    "navy",
    "olive",
    "orange",
    "orchid",
    "pale",
    "papaya",
    "peach",
    "peru",
    "pink",
    "plum",
    "powder",
    "puff",
    "purple",
    "red",
    "rose",
    "rosy",
    "royal",
    "saddle",
    "salmon",
    "sandy",
    "seashell",
    "sienna",
    "sky",
    "slate",
    "smoke",
    "snow",
    "spring",
    "steel",
    "tan",
    "thistle",
    "tomato",
    "turquoise",
    "violet",
    "wheat",
    "white",
    "yellow",
];

const ADJECTIVES: [&str; 12] = [
    "special", "pending", "unusual", "express", "furious", "quick", "careful", "blithe", "ironic", "final", "regular",
    "bold",
];
const NOUNS: [&str; 12] = [
    "requests",
    "packages",
    "accounts",
    "deposits",
    "foxes",
    "ideas",
    "theodolites",
    "pinto beans",
    "instructions",
    "dependencies",
    "excuses",
    "platelets",
];
const VERBS: [&str; 10] = ["sleep", "wake", "are", "cajole", "haggle", "nag", "use", "boost", "affix", "detect"];
const ADVERBS: [&str; 8] =
    ["quickly", "slyly", "carefully", "furiously", "blithely", "ruthlessly", "fluffily", "daringly"];

/// A text of one or more short sentences.
pub(super) fn comment(random: &mut Random, sentences: u64) -> String {
    let mut text = String::new();
    for index in 0..sentences {
        if index > 0 {
            text.push(' ');
        }
        for word in [random.one_of(&ADVERBS), random.one_of(&ADJECTIVES), random.one_of(&NOUNS)] {
            text.push_str(word);
            text.push(' ');
        }
        text.push_str(random.one_of(&VERBS));
        text.push_str(random.one_of(&[".", " above the", " among the", ";"]));
    }
    text
}

/// Two or more lists: one word of each, blanks between them.
pub(super) fn combined(random: &mut Random, lists: &[&[&str]]) -> String {
    let words: Vec<&str> = lists.iter().map(|list| random.one_of(list)).collect();
    words.join(" ")
}

/// Letters and digits, without a comma.
pub(super) fn address(random: &mut Random) -> String {
    const LETTERS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ.";
    let length = random.between(10, 40);
    let letters = (0..length).map(|_| char::from(random.one_of(LETTERS)));
    // Blanks at the ends would be an address of their own kind.
    format!("x{}x", letters.collect::<String>())
}

/// A telephone number of a nation.
pub(super) fn phone(random: &mut Random, nation: u64) -> String {
    let mut part = |first, last| random.between(first, last);
    format!("{}-{}-{}-{}", nation + 10, part(100, 999), part(100, 999), part(1000, 9999))
}

/// Cents as an amount.
pub(super) fn amount(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}
