//! What every HTTP service needs and nothing about theaters
