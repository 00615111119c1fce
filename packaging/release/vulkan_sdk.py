"""Install LunarG's Vulkan SDK on Windows, silently, of the version that llama.cpp's own releases take.

Says where it is to the steps that follow (GITHUB_ENV, GITHUB_PATH). Needs administrator's rights, which a
runner has.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from pinned_download import fetch

ROOT = Path(__file__).resolve().parents[2]
VERSION = "1.4.357.0"
ADDRESS = f"https://sdk.lunarg.com/sdk/download/{VERSION}/windows/vulkansdk-windows-X64-{VERSION}.exe"
# As winget's manifest of KhronosGroup.VulkanSDK has it.
SHA256 = "81f474711e9042f4cd22b31b2f7a8870db2e428b21586fb43dd80150be97310d"
FOLDER = Path("C:/VulkanSDK", VERSION)


def main() -> int:
    """Fetch, install, and look whether the shader compiler is there."""
    installer = fetch(ADDRESS, SHA256, ROOT / "build" / "vulkan" / ADDRESS.rpartition("/")[2])
    command = [str(installer), "--root", str(FOLDER), "--accept-licenses", "--default-answer"]
    subprocess.run([*command, "--confirm-command", "install", "copy_only=1"], check=True)
    compiler = FOLDER / "Bin" / "glslc.exe"
    if not compiler.exists():
        raise SystemExit(f"The Vulkan SDK was installed, and {compiler} is not there.")
    for variable, line in (("GITHUB_ENV", f"VULKAN_SDK={FOLDER}"), ("GITHUB_PATH", str(compiler.parent))):
        if place := os.environ.get(variable):
            with Path(place).open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
