"""From rollouts to a proposed text: records, the reflection prompt, the parser of replies. Pure."""
