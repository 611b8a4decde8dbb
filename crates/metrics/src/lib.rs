//! Scores of language models and classifiers.
