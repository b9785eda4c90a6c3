"""The far end of the network: one loopback server that speaks OpenAI's and Gemini's REST, and fails on request."""
