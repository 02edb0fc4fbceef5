"""Turning speech into words: by Whisper on this machine (`whisper`, with the weights of `weights`), by any server with
OpenAI's transcription endpoint (`openai_api`), or by any Wyoming server (`wyoming_server`).
"""
