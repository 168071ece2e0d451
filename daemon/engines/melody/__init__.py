"""The engine `melody`: a soloist that answers phrases or plays a second voice."""
