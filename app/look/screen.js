// One picture of what the person chooses to show, put into the box as if it were a file that they chose.
async () => {
  let shared;
  try {
    shared = await navigator.mediaDevices.getDisplayMedia({ video: true });
  } catch {
    return; // they chose nothing
  }
  try {
    const video = Object.assign(document.createElement("video"), { srcObject: shared, muted: true });
    await video.play();
    const { videoWidth: width, videoHeight: height } = video;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const png = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const files = new DataTransfer();
    files.items.add(new File([png], "screen.png", { type: "image/png" }));
    const input = document.querySelector("#chat-box input[type=file]");
    input.files = files.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  } finally {
    for (const track of shared.getTracks()) track.stop();
  }
}
